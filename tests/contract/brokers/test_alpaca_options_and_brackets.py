"""The Alpaca adapter on the simulator: several legs, brackets whose children nobody streams, closes, exercises."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import NotConnected, Unsupported
from functions.brokers.holdings import BrokerActivity
from functions.brokers.markets import OptionContract
from functions.brokers.orders import (
    BrokerOrder,
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
