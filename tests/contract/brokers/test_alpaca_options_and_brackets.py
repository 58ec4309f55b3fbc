"""The Alpaca adapter on the simulator: several legs, brackets whose children nobody streams, closes, exercises."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import NotConnected, Rejected, Unsupported
from functions.brokers.holdings import BrokerActivity
from functions.brokers.markets import OptionContract, OptionQuote
from functions.brokers.orders import (
    BrokerFill,
    BrokerOrder,
    OrderChange,
    OrderLeg,
    OrderRequest,
    StopLoss,
    TakeProfit,
    TradeUpdate,
)
from functions.brokers.protocol import Quarantined
from tests.contract.brokers.venue import AlpacaVenue, order

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def puts(venue: AlpacaVenue) -> list[OptionContract]:
    """Puts of one expiry near the money, by strike."""
    chain = await venue.market_data().option_chain("SPY")
    contracts = [one for one in chain if isinstance(one, OptionContract) and one.right == "put"]
    expiry = sorted({one.expiry for one in contracts})[3]
    near = sorted((one for one in contracts if one.expiry == expiry), key=lambda one: abs(one.strike - 270))[:8]
    return sorted(near, key=lambda one: one.strike)


async def vertical(venue: AlpacaVenue, client_order_id: str, limit: str) -> OrderRequest:
    """A credit spread of two: sells the higher strike and buys the lower one."""
    low, *_, high = await puts(venue)
    legs = (
        OrderLeg(symbol=high.symbol, side="sell", position_intent="sell_to_open"),
        OrderLeg(symbol=low.symbol, side="buy", position_intent="buy_to_open"),
    )
    return order(
        client_order_id,
        "2",
        side="sell",
        symbol=high.symbol,
        order_type="limit",
        order_class="multi_leg",
        legs=legs,
        limit_price=Decimal(limit),
    )


async def test_chain_when_read_then_all_expiries_come_in_order_with_quotes(opened: AlpacaVenue) -> None:
    data = opened.market_data()
    chain = await data.option_chain("SPY")
    found = [one for one in chain if isinstance(one, OptionContract)]
    assert len(found) == len(chain) > 1000
    assert found == sorted(found, key=lambda one: (one.expiry, one.strike, one.right))
    symbols = [one.symbol for one in await puts(opened)]
    quotes = await data.option_quotes(symbols)
    assert [type(quote) for quote in quotes] == [OptionQuote] * len(symbols)
    assert await data.listing("SPY180205C99999000") is None


async def test_several_legs_when_a_credit_is_asked_then_the_sign_holds_and_fills_name_their_legs(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    # A credit that the market gives at once.
    sent = await broker.submit(await vertical(opened, "spread", "-0.01"))
    opened.move()
    found = await broker.find_order("spread")
    assert found is not None
    assert (found.order_class, found.limit_price, found.state) == ("multi_leg", Decimal("-0.01"), "filled")
    assert found.average_price is not None
    assert found.average_price <= Decimal("-0.01")
    fills = await opened.broker().fills(LONG_AGO)
    told = [fill for fill in fills if isinstance(fill, BrokerFill)]
    assert {fill.leg for fill in told} == {0, 1}
    assert {fill.broker_order_id for fill in told} == {sent.broker_order_id}
    held = {position.symbol: position.quantity for position in await broker.positions()}
    assert sorted(held.values()) == [-2, 2]


async def test_bracket_when_the_entry_fills_and_children_are_not_streamed_then_they_are_told_all_the_same(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    opened.simulator.fault("child_not_streamed", count=-1)
    heard: list[TradeUpdate] = []
    async with contextlib.aclosing(broker.trade_updates()) as updates:
        await anext(updates)
        exits: dict[str, Any] = {
            "order_class": "bracket",
            "take_profit": TakeProfit(Decimal("400")),
            "stop_loss": StopLoss(Decimal("100")),
        }
        sent = await broker.submit(order("entry", time_in_force="gtc", **exits))
        await asyncio.to_thread(opened.move)
        async with asyncio.timeout(10):
            while {child.broker_order_id for child in sent.children} - {one.order.broker_order_id for one in heard}:
                message = await anext(updates)
                if isinstance(message, TradeUpdate):
                    heard.append(message)
    assert len(sent.children) == 2
    working = [one for one in await broker.open_orders() if isinstance(one, BrokerOrder)]
    assert {one.broker_order_id for one in working} == {child.broker_order_id for child in sent.children}


async def test_close_position_when_asked_twice_then_it_is_closed_once(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    await broker.submit(order("one", "3"))
    opened.move()
    first = await broker.close_position("SPY", "close")
    assert (await broker.close_position("SPY", "close")).broker_order_id == first.broker_order_id
    opened.move()
    assert (await broker.close_position("SPY", "close")).broker_order_id == first.broker_order_id
    assert await broker.positions() == []
    with pytest.raises(Rejected):
        await broker.close_position("SPY", "another")


async def test_cancel_all_when_orders_work_then_each_has_its_outcome(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    low: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal(1)}
    sent = [await broker.submit(order(name, **low)) for name in ("one", "two")]
    outcomes = await broker.cancel_all("SPY")
    assert {one.broker_order_id for one in outcomes} == {one.broker_order_id for one in sent}
    assert all(one.accepted for one in outcomes)
    assert await broker.cancel_all() == []


async def test_exercise_when_long_then_one_activity_says_it_and_its_delivery_is_explained(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    opened.simulator.fault("optrd_price_mismatch", count=-1)
    chosen = (await puts(opened))[-1].symbol
    await broker.submit(order("put", "1", symbol=chosen))
    opened.move()
    await broker.exercise(chosen)
    found = await broker.activities(LONG_AGO)
    assert [one.kind for one in found if isinstance(one, BrokerActivity)] == ["exercise"]
    assert {position.symbol: position.quantity for position in await broker.positions()} == {"SPY": -100}


async def test_open_orders_when_a_status_is_new_then_that_row_is_quarantined_and_the_others_stay(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    low: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal(1)}
    for name in ("one", "two"):
        await broker.submit(order(name, **low))
    opened.simulator.fault("new_enum_value")
    assert sorted(type(row).__name__ for row in await broker.open_orders()) == ["BrokerOrder", "Quarantined"]
    assert not any(isinstance(row, Quarantined) for row in await broker.open_orders())


async def test_rules_when_read_then_they_say_who_the_account_is_with_or_without_retired_fields(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    rules = await broker.rules()
    assert (rules.is_paper, rules.is_margin, rules.options_level, rules.blocked) == (True, True, 3, None)
    opened.simulator.fault("missing_pdt_fields")
    assert await broker.rules() == rules
    with pytest.raises(Unsupported):
        await broker.preview(order("one"))


@pytest.mark.parametrize("switch", ["error_500_html", "reject_429_with_headers"])
async def test_account_when_a_fault_strikes_then_it_is_not_connected(switch: str, opened: AlpacaVenue) -> None:
    opened.simulator.fault(switch, method="GET", path="/v2/account")
    with pytest.raises(NotConnected):
        await opened.broker().account()


async def test_replace_races_fill_when_the_order_fills_first_then_one_fill_counts_and_the_new_one_ends(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    old = await broker.submit(order("old", order_type="limit", limit_price=Decimal(1)))
    opened.simulator.fault("replace_fill_race")
    change = OrderChange(client_order_id="new", quantity=Decimal(1), limit_price=Decimal(2))
    with contextlib.suppress(Rejected):
        await broker.replace(old.broker_order_id, change)
    found, new = await broker.find_order("old"), await broker.find_order("new")
    assert found is not None
    assert found.state == "filled"
    assert found.filled_quantity == 1
    assert new is None or (new.state == "rejected" and not new.filled_quantity)
    assert [position.quantity for position in await broker.positions()] == [1]


async def test_multi_leg_partial_fill_when_legs_come_one_by_one_then_units_wait_for_the_last_leg(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    opened.simulator.fault("leg_by_leg")
    await broker.submit(await vertical(opened, "spread", "-0.01"))
    found = await broker.find_order("spread")
    assert found is not None
    assert [leg.filled_quantity for leg in found.legs] == [Decimal(2), Decimal(0)]
    assert found.filled_quantity == 0
    assert found.state == "partially_filled"
    opened.move()
    whole = await broker.find_order("spread")
    assert whole is not None
    assert whole.state == "filled"
    assert whole.filled_quantity == 2
