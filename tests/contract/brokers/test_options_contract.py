"""Options on every broker: chains, one leg and several, the sign of a net price, and what becomes of contracts."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from functions.brokers.errors import Rejected, Unsupported
from functions.brokers.holdings import BrokerActivity
from functions.brokers.markets import OptionContract, OptionQuote
from functions.brokers.orders import BrokerFill, OrderLeg, OrderRequest, Side, TradeUpdate
from functions.brokers.protocol import Broker, Connected, Quarantined
from tests.contract.brokers.conformance import told
from tests.contract.brokers.venue import Venue, order

SECONDS = 20
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
TIMES: Final = {"alpaca": {"day"}, "tastytrade": {"day", "gtc", "ioc"}}
"""Of options; of what a broker declares for shares it may take less here."""
LEGS_AT: Final = {"alpaca": {"limit", "market"}, "tastytrade": {"limit"}}


_chains: Final[dict[str, list[OptionContract]]] = {}
"""By broker: every test begins on the same tape, and a chain is long to read."""


async def contracts(venue: Venue, right: str = "put", expiry: int = 3) -> list[OptionContract]:
    """Of one expiry, near the money, by strike."""
    if venue.name not in _chains:
        chain = await venue.market_data().option_chain("SPY")
        _chains[venue.name] = [one for one in chain if isinstance(one, OptionContract)]
    found = [one for one in _chains[venue.name] if one.right == right]
    day = sorted({one.expiry for one in found})[expiry]
    near = sorted((one for one in found if one.expiry == day), key=lambda one: abs(one.strike - 270))[:8]
    return sorted(near, key=lambda one: one.strike)


async def vertical(venue: Venue, name: str, limit: str | None, first: Side = "sell", units: str = "2") -> OrderRequest:
    """Two puts: of a credit spread the higher strike is sold, of a debit spread it is bought."""
    low, *_, high = await contracts(venue)
    second: Side = "buy" if first == "sell" else "sell"
    legs = (
        OrderLeg(symbol=high.symbol, side=first, position_intent=_opening(first)),
        OrderLeg(symbol=low.symbol, side=second, position_intent=_opening(second)),
    )
    return order(
        name,
        units,
        first,
        symbol=high.symbol,
        order_type="market" if limit is None else "limit",
        order_class="multi_leg",
        legs=legs,
        limit_price=None if limit is None else Decimal(limit),
    )


def _opening(side: Side) -> Any:
    return "buy_to_open" if side == "buy" else "sell_to_open"


async def fills_of(broker: Broker) -> list[BrokerFill]:
    return [row for row in await broker.fills(BEGINNING) if isinstance(row, BrokerFill)]


async def test_chain_when_read_then_expiries_come_in_order_and_one_can_be_asked_for(venue: Venue) -> None:
    data = venue.market_data()
    chain = await data.option_chain("SPY")
    found = [one for one in chain if isinstance(one, OptionContract)]
    assert len(found) == len(chain) > 1000
    assert found == sorted(found, key=lambda one: (one.expiry, one.strike, one.right))
    assert {one.multiplier for one in found} == {Decimal(100)}
    assert {one.underlying for one in found} == {"SPY"}
    day = found[-1].expiry
    assert await data.option_chain("SPY", day) == [one for one in found if one.expiry == day]
    assert await data.option_chain("SPY", day + timedelta(days=1)) == []


async def test_option_quotes_when_asked_then_each_has_a_market_and_listings_know_their_ticks(venue: Venue) -> None:
    data = venue.market_data()
    chosen = (await contracts(venue))[3]
    (quote,) = await data.option_quotes([chosen.symbol])
    assert isinstance(quote, OptionQuote)
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.symbol == chosen.symbol
    assert 0 < quote.bid < quote.ask
    listing = await data.listing(chosen.symbol)
    assert listing is not None
    assert (listing.instrument.symbol, listing.tradable, listing.lot) == (chosen.symbol, True, Decimal(1))
    assert await data.listing("SPY180205C99999000") is None
    assert await data.option_quotes([]) == []


DELAYS: Final = {"alpaca": ("indicative", 900), "tastytrade": ("dxfeed", 900)}
"""What each feed says of itself: what is late, or is no market, must not look as if it were one."""


async def test_option_stream_when_the_market_moves_then_quotes_of_the_contracts_asked_for_and_their_delay(
    venue: Venue,
) -> None:
    data, chosen = venue.market_data(), [one.symbol for one in (await contracts(venue))[:2]]
    heard: list[OptionQuote] = []
    async with contextlib.aclosing(data.option_stream(chosen)) as messages, asyncio.timeout(SECONDS):
        assert isinstance(await anext(messages), Connected)
        while {quote.symbol for quote in heard} != set(chosen):
            await asyncio.to_thread(venue.move)
            message = await anext(messages)
            assert isinstance(message, OptionQuote)
            heard.append(message)
    for quote in heard:
        assert quote.symbol in chosen
        assert quote.bid is not None
        assert quote.ask is not None
        assert 0 < quote.bid <= quote.ask
        assert (quote.feed, quote.delay_seconds) == DELAYS[venue.name]
    # The list of the same feed says the same of itself.
    (listed,) = await data.option_quotes(chosen[:1])
    assert isinstance(listed, OptionQuote)
    assert (listed.feed, listed.delay_seconds) == DELAYS[venue.name]


async def test_option_stream_when_it_is_cut_then_connected_comes_again_and_quotes_go_on(venue: Venue) -> None:
    data, (chosen, *_) = venue.market_data(), await contracts(venue)
    async with contextlib.aclosing(data.option_stream([chosen.symbol])) as messages, asyncio.timeout(SECONDS):
        assert isinstance(await anext(messages), Connected)
        venue.fault("drop_data_stream", 0)
        while not isinstance(await anext(messages), Connected):
            pass
        await asyncio.to_thread(venue.move)
        assert isinstance(await anext(messages), OptionQuote)


@pytest.mark.parametrize("time", ["day", "gtc", "ioc"])
async def test_option_when_of_a_time_in_force_then_the_broker_has_exactly_that_or_nothing_is_sent(
    time: str, venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker, chosen = venue.broker(), (await contracts(venue))[0].symbol
    asked = order("one", "2", symbol=chosen, order_type="limit", limit_price=Decimal("0.05"), time_in_force=time)
    if time not in TIMES[venue.name]:
        with pytest.raises(Unsupported):
            await broker.submit(asked)
        assert venue.submits() == 0
        told(request, f"option limit {time}", "unsupported")
        return
    await broker.submit(asked)
    found = await broker.find_order("one")
    assert found is not None
    assert (found.symbol, found.side, found.quantity) == (chosen, "buy", Decimal(2))
    assert (found.limit_price, found.time_in_force) == (Decimal("0.05"), time)
    assert found.position_intent == "buy_to_open"
    (row,) = venue.orders()
    assert (row["symbol"], row["qty"], row["time_in_force"]) == (chosen, "2", time)
    told(request, f"option limit {time}", "taken")


async def test_option_when_bought_and_sold_again_then_cash_is_what_the_fills_left_and_the_position_is_flat(
    venue: Venue,
) -> None:
    broker, chosen = venue.broker(), (await contracts(venue))[2].symbol
    await broker.submit(order("in", "2", symbol=chosen))
    (held,) = await broker.positions()
    (bought,) = await fills_of(broker)
    assert (held.symbol, held.quantity, held.average_entry_price) == (chosen, Decimal(2), bought.price)
    assert (await broker.account()).cash == Decimal(100_000) - bought.price * 200
    await broker.submit(order("out", "2", "sell", symbol=chosen, position_intent="sell_to_close"))
    assert await broker.positions() == []
    (sold,) = [fill for fill in await fills_of(broker) if fill.side == "sell"]
    assert (await broker.account()).cash == Decimal(100_000) + (sold.price - bought.price) * 200


async def test_option_when_a_close_has_no_position_then_it_is_rejected_and_opens_none(venue: Venue) -> None:
    broker, chosen = venue.broker(), (await contracts(venue))[2].symbol
    with pytest.raises(Rejected):
        await broker.submit(order("out", "1", "sell", symbol=chosen, position_intent="sell_to_close"))
    assert venue.orders() == []


async def test_several_legs_when_a_credit_is_asked_then_the_sign_holds_and_fills_name_their_legs(
    venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker = venue.broker()
    sent = await broker.submit(await vertical(venue, "spread", "-0.01"))
    assert (sent.limit_price, sent.quantity) == (Decimal("-0.01"), Decimal(2))
    venue.move()
    found = await broker.find_order("spread")
    assert found is not None
    assert (found.order_class, found.limit_price, found.state) == ("multi_leg", Decimal("-0.01"), "filled")
    assert (found.quantity, found.filled_quantity, found.side) == (Decimal(2), Decimal(2), "sell")
    assert found.average_price is not None
    assert found.average_price <= Decimal("-0.01")
    fills = await fills_of(broker)
    assert sorted((fill.leg, str(fill.side), int(fill.quantity)) for fill in fills) == [(0, "sell", 2), (1, "buy", 2)]
    assert {fill.broker_order_id for fill in fills} == {sent.broker_order_id}
    received = sum((fill.price * 200 * (1 if fill.side == "sell" else -1) for fill in fills), Decimal(0))
    assert (await broker.account()).cash == Decimal(100_000) + received
    assert sorted(position.quantity for position in await broker.positions()) == [-2, 2]
    told(request, "several legs limit, credit", "taken")


async def test_several_legs_when_a_debit_rests_then_its_sign_is_kept_and_it_can_be_replaced_and_canceled(
    venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker = venue.broker()
    sent = await broker.submit(await vertical(venue, "spread", "0.01", "buy", "3"))
    (listed,) = await broker.open_orders()
    assert not isinstance(listed, Quarantined)
    assert (listed.broker_order_id, listed.limit_price, listed.quantity) == (
        sent.broker_order_id,
        Decimal("0.01"),
        Decimal(3),
    )
    assert [leg.quantity for leg in listed.legs] == [3, 3]
    await broker.cancel(sent.broker_order_id)
    ended = await broker.find_order("spread")
    assert ended is not None
    assert ended.state == "canceled"
    told(request, "several legs limit, debit", "taken")


async def test_several_legs_when_at_market_then_taken_or_unsupported_before_anything_is_sent(
    venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker = venue.broker()
    asked = await vertical(venue, "spread", None, "buy")
    if "market" not in LEGS_AT[venue.name]:
        with pytest.raises(Unsupported):
            await broker.submit(asked)
        assert venue.submits() == 0
        told(request, "several legs market", "unsupported")
        return
    await broker.submit(asked)
    found = await broker.find_order("spread")
    assert found is not None
    assert found.filled_quantity == 2
    told(request, "several legs market", "taken")


async def test_several_legs_when_their_ratios_differ_then_units_and_contracts_are_told_apart(venue: Venue) -> None:
    broker = venue.broker()
    low, *_, high = await contracts(venue)
    legs = (
        OrderLeg(symbol=high.symbol, side="buy", position_intent="buy_to_open"),
        OrderLeg(symbol=low.symbol, side="buy", position_intent="buy_to_open", ratio=2),
    )
    more: dict[str, Any] = {"symbol": high.symbol, "order_type": "limit", "limit_price": Decimal("0.02")}
    await broker.submit(order("ratio", "3", order_class="multi_leg", legs=legs, **more))
    found = await broker.find_order("ratio")
    assert found is not None
    assert (found.quantity, found.filled_quantity) == (Decimal(3), Decimal(0))
    assert [leg.quantity for leg in found.legs] == [Decimal(3), Decimal(6)]


async def test_multi_leg_partial_fill_when_legs_come_one_by_one_then_units_wait_for_the_last_leg(venue: Venue) -> None:
    broker = venue.broker()
    venue.fault("leg_by_leg")
    await broker.submit(await vertical(venue, "spread", "-0.01"))
    found = await broker.find_order("spread")
    assert found is not None
    assert [leg.filled_quantity for leg in found.legs] == [Decimal(2), Decimal(0)]
    assert (found.filled_quantity, found.state) == (Decimal(0), "partially_filled")
    venue.move()
    whole = await broker.find_order("spread")
    assert whole is not None
    assert (whole.filled_quantity, whole.state) == (Decimal(2), "filled")


async def test_several_legs_when_streamed_then_every_execution_is_told_once_with_its_leg(venue: Venue) -> None:
    broker = venue.broker()
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        await anext(updates)
        await broker.submit(await vertical(venue, "spread", "-0.01"))
        heard: list[BrokerFill] = []
        while len(heard) < 2:
            update = await anext(updates)
            if isinstance(update, TradeUpdate):
                heard += update.fills
    named = {(fill.leg, fill.symbol, fill.quantity, fill.cumulative_quantity, fill.price) for fill in heard}
    assert named == {
        (fill.leg, fill.symbol, fill.quantity, fill.cumulative_quantity, fill.price) for fill in await fills_of(broker)
    }
    assert len(named) == 2


async def test_exercise_when_long_then_done_and_told_or_unsupported_before_anything_is_sent(
    venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker, chosen = venue.broker(), (await contracts(venue))[-1].symbol
    await broker.submit(order("put", symbol=chosen))
    if not broker.capabilities.exercise:
        for wish in (broker.exercise, broker.do_not_exercise):
            with pytest.raises(Unsupported):
                await wish(chosen)
        assert [position.symbol for position in await broker.positions()] == [chosen]
        told(request, "exercise", "unsupported")
        return
    assert broker.capabilities.do_not_exercise
    await broker.do_not_exercise(chosen)
    await broker.exercise(chosen)
    rows = [row for row in await broker.activities(BEGINNING) if isinstance(row, BrokerActivity)]
    assert [row.kind for row in rows] == ["exercise"]
    assert {position.symbol: position.quantity for position in await broker.positions()} == {"SPY": Decimal(-100)}
    told(request, "exercise", "taken")


async def test_expiry_when_in_and_out_of_the_money_then_each_is_told_once_in_the_ledgers_words(venue: Venue) -> None:
    broker = venue.broker()
    calls = await contracts(venue, "call", 0)
    deep, far = calls[0].symbol, calls[-1].symbol
    await broker.submit(order("deep", symbol=deep))
    await broker.submit(order("far", symbol=far))
    ended = {position.symbol for position in await broker.positions()}
    assert ended == {deep, far}
    venue.move(391)
    rows = [row for row in await broker.activities(BEGINNING) if isinstance(row, BrokerActivity)]
    book = {row["symbol"]: row["kind"] for row in venue.book()["activities"] if row["symbol"] in ended}
    assert {row.symbol: row.kind for row in rows if row.symbol in ended} == book
    assert len(rows) == 2
    held = {position.symbol: position.quantity for position in await broker.positions()}
    assert held == {row["symbol"]: Decimal(row["qty"]) for row in venue.book()["positions"]}
