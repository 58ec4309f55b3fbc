"""Brackets, OCOs and OTOs: who belongs to whom, and that what one fills or ends the other loses."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.orders import FINAL_STATES, BrokerOrder, StopLoss, TakeProfit, TradeUpdate
from functions.brokers.protocol import Broker
from tests.contract.brokers.conformance import told
from tests.contract.brokers.venue import Venue, order

SECONDS = 20
FAR: dict[str, Any] = {"take_profit": TakeProfit(Decimal(400)), "stop_loss": StopLoss(Decimal(100), Decimal("99.5"))}
ENTRY: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal("300.01")}
"""A limit that the market gives at once."""
RESTING: dict[str, Any] = {"order_type": "limit", "limit_price": Decimal("200.01")}


async def known(broker: Broker, client_order_id: str) -> BrokerOrder:
    found = await broker.find_order(client_order_id)
    assert found is not None
    return found


async def working(broker: Broker) -> list[BrokerOrder]:
    found = [row for row in await broker.open_orders() if isinstance(row, BrokerOrder)]
    return [one for row in found for one in (row, *row.children)]


@pytest.mark.parametrize("time", ["day", "gtc"])
async def test_bracket_when_the_entry_fills_then_its_exits_work_and_their_parent_is_known(
    time: str, venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker = venue.broker()
    sent = await broker.submit(order("entry", "3", time_in_force=time, order_class="bracket", **ENTRY, **FAR))
    assert sent.order_class == "bracket"
    venue.move()
    found = await known(broker, "entry")
    assert (found.broker_order_id, found.order_class, found.state) == (sent.broker_order_id, "bracket", "filled")
    assert [position.quantity for position in await broker.positions()] == [Decimal(3)]
    exits = {child.order_type: child for child in found.children}
    assert (exits["limit"].limit_price, exits["limit"].side) == (Decimal(400), "sell")
    assert (exits["stop_limit"].stop_price, exits["stop_limit"].limit_price) == (Decimal(100), Decimal("99.5"))
    assert {one.broker_order_id for one in await working(broker)} == {one.broker_order_id for one in found.children}
    for child in found.children:
        assert (child.parent_order_id, child.quantity, child.time_in_force) == (sent.broker_order_id, Decimal(3), time)
        assert child.state == "submitted"
    told(request, f"bracket {time}", "taken")


async def test_bracket_when_the_entry_waits_then_it_is_listed_with_its_exits_and_a_cancel_ends_all(
    venue: Venue,
) -> None:
    broker = venue.broker()
    sent = await broker.submit(order("entry", order_class="bracket", **RESTING, **FAR))
    (listed,) = [row for row in await broker.open_orders() if isinstance(row, BrokerOrder)]
    assert (listed.broker_order_id, listed.order_class, len(listed.children)) == (sent.broker_order_id, "bracket", 2)
    await broker.cancel(sent.broker_order_id)
    ended = await known(broker, "entry")
    assert [one.state for one in (ended, *ended.children)] == ["canceled"] * 3
    assert await broker.open_orders() == []


async def test_bracket_when_one_exit_fills_then_the_other_ends_and_the_position_is_flat(venue: Venue) -> None:
    broker = venue.broker()
    (quote,) = await venue.market_data().quotes(["SPY"])
    price: Decimal = getattr(quote, "ask")  # noqa: B009 - a quarantined row has none, and fails here
    near: dict[str, Any] = {
        "take_profit": TakeProfit(price + Decimal("0.3")),
        "stop_loss": StopLoss(price - Decimal("0.3")),
    }
    await broker.submit(order("entry", "2", order_class="bracket", **ENTRY, **near))
    for _ in range(60):
        if not await working(broker):
            break
        venue.move()
    found = await known(broker, "entry")
    assert sorted(child.state for child in found.children) == ["canceled", "filled"]
    assert await broker.positions() == []
    assert len(await broker.fills(found.updated_at.replace(year=2000))) == 2


async def test_bracket_when_an_exit_is_canceled_then_nothing_of_it_works_on(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("entry", order_class="bracket", **ENTRY, **FAR))
    venue.move()
    found = await known(broker, "entry")
    await broker.cancel(found.children[0].broker_order_id)
    assert {child.state for child in (await known(broker, "entry")).children} == {"canceled"}
    assert await broker.open_orders() == []


async def test_bracket_when_it_is_streamed_then_every_order_of_it_is_told(venue: Venue) -> None:
    broker = venue.broker()
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        await anext(updates)
        sent = await broker.submit(order("entry", order_class="bracket", **ENTRY, **FAR))
        wanted = {sent.broker_order_id, *(child.broker_order_id for child in sent.children)}
        assert len(wanted) == 3
        heard: list[TradeUpdate] = []
        while wanted - {update.order.broker_order_id for update in heard} or not any(one.fills for one in heard):
            update = await anext(updates)
            if isinstance(update, TradeUpdate):
                heard.append(update)
    assert sum(len(update.fills) for update in heard) == 1


async def test_oco_when_shares_are_held_then_the_pair_closes_them_once_and_both_are_canceled_together(
    venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker = venue.broker()
    await broker.submit(order("held", "2"))
    venue.move()
    pair = {"order_class": "oco", "order_type": "limit", "position_intent": "sell_to_close", **FAR}
    sent = await broker.submit(order("pair", "2", "sell", **pair))
    found = await known(broker, "pair")
    assert (found.broker_order_id, found.order_class, found.limit_price) == (
        sent.broker_order_id,
        "oco",
        Decimal(400),
    )
    (stop,) = found.children
    assert (stop.stop_price, stop.limit_price, stop.parent_order_id) == (
        Decimal(100),
        Decimal("99.5"),
        sent.broker_order_id,
    )
    (listed,) = [row for row in await broker.open_orders() if isinstance(row, BrokerOrder)]
    assert listed.broker_order_id == sent.broker_order_id
    await broker.cancel(sent.broker_order_id)
    ended = await known(broker, "pair")
    assert {one.state for one in (ended, *ended.children)} == {"canceled"}
    told(request, "oco", "taken")


@pytest.mark.parametrize("exit_kind", ["take_profit", "stop_loss"])
async def test_oto_when_the_entry_fills_then_its_one_exit_works(
    exit_kind: str, venue: Venue, request: pytest.FixtureRequest
) -> None:
    broker = venue.broker()
    await broker.submit(order("entry", order_class="oto", **ENTRY, **{exit_kind: FAR[exit_kind]}))
    venue.move()
    found = await known(broker, "entry")
    (exit_order,) = found.children
    assert (found.order_class, found.state, exit_order.state) == ("oto", "filled", "submitted")
    assert exit_order.order_type == ("limit" if exit_kind == "take_profit" else "stop_limit")
    assert [one.broker_order_id for one in await working(broker)] == [exit_order.broker_order_id]
    told(request, f"oto with a {exit_kind.replace('_', ' ')}", "taken")


async def test_bracket_when_sent_short_then_its_exits_buy_back(venue: Venue) -> None:
    broker = venue.broker()
    exits = {"take_profit": TakeProfit(Decimal(100)), "stop_loss": StopLoss(Decimal(400))}
    entry = {"order_type": "limit", "limit_price": Decimal(200)}
    await broker.submit(order("entry", "2", "sell", order_class="bracket", **entry, **exits))
    venue.move()
    found = await known(broker, "entry")
    assert found.state in FINAL_STATES
    assert {child.side for child in found.children} == {"buy"}
    assert [position.quantity for position in await broker.positions()] == [Decimal(-2)]
