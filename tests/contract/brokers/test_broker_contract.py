"""What every broker's adapter must do, whoever the broker is; over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from functions.brokers.errors import Rejected
from functions.brokers.orders import FINAL_STATES, BrokerFill, TradeUpdate
from functions.brokers.protocol import Broker, Connected, Quarantined
from tests.contract.brokers.venue import Venue, order

Row = TypeVar("Row")
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
SECONDS = 20


async def fills_of(broker: Broker, since: datetime) -> list[BrokerFill]:
    """All executions, none of which was unreadable."""
    return [known(fill) for fill in await broker.fills(since)]


def known(row: Row | Quarantined) -> Row:
    assert not isinstance(row, Quarantined)
    return row


async def test_account_when_nothing_was_traded_then_cash_and_equity_are_the_deposit(venue: Venue) -> None:
    account = await venue.broker().account()
    assert (account.cash, account.equity) == (Decimal(100_000), Decimal(100_000))
    assert account.buying_power is not None
    assert account.buying_power >= account.cash


async def test_account_when_shares_were_bought_then_cash_is_exactly_what_the_fills_left(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("bought", "10"))
    spent = sum((fill.quantity * fill.price for fill in await fills_of(broker, BEGINNING)), Decimal(0))
    assert (await broker.account()).cash == Decimal(100_000) - spent


async def test_positions_when_long_and_short_then_the_quantity_is_signed(venue: Venue) -> None:
    alice, bob = venue.broker("alice"), venue.broker("bob")
    assert await alice.positions() == []
    await alice.submit(order("long", "7"))
    await bob.submit(order("short", "7", "sell"))
    (held,) = await alice.positions()
    (owed,) = await bob.positions()
    assert (held.symbol, held.quantity, owed.quantity) == ("SPY", Decimal(7), Decimal(-7))
    assert held.average_entry_price == (await fills_of(alice, BEGINNING))[0].price


async def test_open_orders_when_one_works_and_one_is_over_then_only_the_working_one_is_there(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("over"))
    working = await broker.submit(order("works", order_type="limit", limit_price=Decimal("200.01")))
    (found,) = map(known, await broker.open_orders())
    assert (found.broker_order_id, found.client_order_id) == (working.broker_order_id, "works")
    assert (found.state, found.limit_price, found.filled_quantity) == ("submitted", Decimal("200.01"), Decimal(0))


async def test_find_order_when_the_broker_has_none_then_none(venue: Venue) -> None:
    assert await venue.broker().find_order("never-sent") is None


async def test_find_order_when_it_is_another_accounts_then_none(venue: Venue) -> None:
    await venue.broker("alice").submit(order("mine"))
    assert await venue.broker("bob").find_order("mine") is None


async def test_order_when_asked_by_the_brokers_own_id_then_it_is_the_same_order_or_none(venue: Venue) -> None:
    broker = venue.broker()
    sent = await broker.submit(order("mine"))
    assert await broker.order(sent.broker_order_id) == await broker.find_order("mine")
    assert await broker.order("00000000-0000-4000-8000-000000000000") is None
    assert await venue.broker("bob").order(sent.broker_order_id) is None


async def test_submit_when_sent_twice_then_it_is_one_order_or_the_broker_says_that_it_does_not_deduplicate(
    venue: Venue,
) -> None:
    broker = venue.broker()
    first = await broker.submit(order("same", order_type="limit", limit_price=Decimal(200)))
    second = await broker.submit(order("same", order_type="limit", limit_price=Decimal(200)))
    found = [one.broker_order_id for one in await broker.find_orders("same")]
    if broker.capabilities.deduplicates:
        assert second.broker_order_id == first.broker_order_id
        assert len(venue.orders()) == len(found) == 1
    else:
        assert found == [first.broker_order_id, second.broker_order_id]


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("alice", {"quantity": Decimal(100_000)}, ("buying power", "buying power")),
        (
            "alice",
            {"order_type": "limit", "limit_price": Decimal("200.001")},
            ("sub-penny", "invalid limit price"),
        ),
        ("alice", {"order_type": "limit", "limit_price": Decimal(-1)}, ("limit_price", "price must not be below zero")),
        ("alice", {"quantity": Decimal(0)}, ("qty", "quantity must be above zero")),
        ("alice", {"symbol": "NOSUCH"}, ("NOSUCH", "NOSUCH")),
        ("carol", {"side": "sell"}, ("short", "short")),
    ],
    ids=["power", "tick", "negative", "nothing", "unknown", "short"],
)
async def test_submit_when_the_broker_says_no_then_it_is_rejected_with_its_words(
    name: str, shape: dict[str, Any], said: tuple[str, str], venue: Venue
) -> None:
    with pytest.raises(Rejected) as refused:
        await venue.broker(name).submit(order("no", **({"side": "buy"} | shape)))
    assert said[venue.name == "tastytrade"] in refused.value.text
    assert refused.value.code
    assert venue.orders(name) == []


async def test_submit_when_the_market_is_closed_then_an_order_that_cannot_wait_is_rejected(closed_venue: Venue) -> None:
    with pytest.raises(Rejected) as refused:
        await closed_venue.broker().submit(order("now", time_in_force="ioc"))
    assert "market" in refused.value.text
    assert closed_venue.orders() == []


async def test_submit_when_more_is_sold_than_is_held_then_it_is_rejected(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("held", "5"))
    with pytest.raises(Rejected) as refused:
        await broker.submit(order("too-much", "6", "sell", position_intent="sell_to_close"))
    assert ("insufficient qty", "more_than_existing")[venue.name == "tastytrade"] in str(refused.value)


async def test_cancel_when_it_works_then_the_order_ends(venue: Venue) -> None:
    broker = venue.broker()
    working = await broker.submit(order("works", order_type="limit", limit_price=Decimal(200)))
    await broker.cancel(working.broker_order_id)
    ended = await broker.find_order("works")
    assert ended is not None
    assert ended.state == "canceled"


async def test_cancel_when_the_order_is_over_then_it_is_fine_and_stays_as_it_ended(venue: Venue) -> None:
    broker = venue.broker()
    filled = await broker.submit(order("filled"))
    await broker.cancel(filled.broker_order_id)
    await broker.cancel(filled.broker_order_id)
    ended = await broker.find_order("filled")
    assert ended is not None
    assert ended.state in FINAL_STATES - {"canceled"}


async def test_cancel_when_the_broker_never_had_it_then_it_is_fine(venue: Venue) -> None:
    await venue.broker().cancel("00000000-0000-4000-8000-000000000000")


async def test_fills_when_there_are_more_than_one_page_then_every_one_comes_once_oldest_first(venue: Venue) -> None:
    broker, names = venue.broker("whale"), [f"n{number}" for number in range(104)]
    sent = [await broker.submit(order(name)) for name in names]
    fills = await fills_of(broker, BEGINNING)
    assert [fill.broker_order_id for fill in fills] == [one.broker_order_id for one in sent]
    assert len({fill.execution_id for fill in fills}) == len(names)
    assert all(fill.cumulative_quantity == fill.quantity == 1 for fill in fills)
    assert [fill.executed_at for fill in fills] == sorted(fill.executed_at for fill in fills)


async def test_fills_when_an_order_is_filled_in_parts_then_the_cumulative_quantity_names_each(venue: Venue) -> None:
    broker = venue.broker("whale")
    sent = await broker.submit(order("big", "20000"))
    venue.move(10)
    fills = await fills_of(broker, BEGINNING)
    assert len(fills) > 2
    total = Decimal(0)
    for fill in fills:
        total += fill.quantity
        assert (fill.broker_order_id, fill.cumulative_quantity) == (sent.broker_order_id, total)
    now = await broker.find_order("big")
    assert now is not None
    assert now.filled_quantity == total


async def test_fills_when_asked_since_a_moment_then_what_happened_at_it_and_after_is_there(venue: Venue) -> None:
    broker = venue.broker()
    await broker.submit(order("before"))
    venue.move(5)
    later = await broker.submit(order("later"))
    everything = await fills_of(broker, BEGINNING)
    newest = everything[-1]
    assert [fill.broker_order_id for fill in await fills_of(broker, newest.executed_at)] == [later.broker_order_id]
    assert await fills_of(broker, newest.executed_at + timedelta(minutes=1)) == []


async def test_clock_when_the_session_opens_then_it_says_so_in_utc(closed_venue: Venue) -> None:
    broker = closed_venue.broker()
    before = await broker.clock()
    closed_venue.open()
    after = await broker.clock()
    assert (before.is_open, after.is_open) == (False, True)
    assert before.now.utcoffset() == timedelta(0)
    assert before.now < after.now


async def test_trade_updates_when_orders_live_then_connected_comes_first_and_every_change_in_order(
    venue: Venue,
) -> None:
    broker = venue.broker()
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        assert isinstance(await anext(updates), Connected)
        await venue.broker("bob").submit(order("not-ours"))
        filled = await broker.submit(order("fills", "3"))
        working = await broker.submit(order("works", order_type="limit", limit_price=Decimal(200)))
        await broker.cancel(working.broker_order_id)
        told: list[TradeUpdate] = []
        while not told or told[-1].order.state != "canceled":
            update = await anext(updates)
            assert isinstance(update, TradeUpdate)
            # On its way an order may have states that the other broker does not tell.
            if update.order.state != "cancel_pending":
                told.append(update)
    assert [(update.order.client_order_id, update.order.state) for update in told] == [
        ("fills", "submitted"),
        ("fills", "filled"),
        ("works", "submitted"),
        ("works", "canceled"),
    ]
    assert [bool(update.fills) for update in told] == [False, True, False, False]
    assert [update.at for update in told] == sorted({update.at for update in told})
    (listed,) = await fills_of(broker, BEGINNING)
    assert same_execution(told[1].fills[0]) == same_execution(listed)
    assert listed.broker_order_id == filled.broker_order_id


def same_execution(fill: BrokerFill | None) -> tuple[object, ...]:
    """What tells an execution from another, whichever way it was heard of."""
    assert fill is not None
    return fill.broker_order_id, fill.cumulative_quantity, fill.quantity, fill.price, fill.symbol, fill.side


async def test_trade_updates_when_a_big_order_fills_in_parts_then_stream_and_list_name_the_same_executions(
    venue: Venue,
) -> None:
    broker = venue.broker("whale")
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        await anext(updates)
        await broker.submit(order("big", "20000"))
        venue.move(3)
        listed = await fills_of(broker, BEGINNING)
        heard: list[BrokerFill] = []
        while len(heard) < len(listed):
            update = await anext(updates)
            if isinstance(update, TradeUpdate):
                heard += update.fills
    assert [same_execution(fill) for fill in heard] == [same_execution(fill) for fill in listed]
    assert len(listed) > 2


async def test_trade_updates_when_closed_then_the_connection_is_given_back(venue: Venue) -> None:
    broker = venue.broker()
    for _ in range(3):
        async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
            assert isinstance(await anext(updates), Connected)
    leftover = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert leftover == []
