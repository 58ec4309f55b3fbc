"""Whatever fails on the way to a broker: one request, the right word for it, and in the end the broker's own book."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from functions.brokers.errors import BadCredentials, NotConnected, NotSent, OutcomeUnknown, Rejected
from functions.brokers.orders import BrokerFill, BrokerOrder, OrderChange, TradeUpdate
from functions.brokers.protocol import Broker, Connected, Quarantined
from functions.core.errors import AgentTraderError
from local.simulators.alpaca import faults as alpaca_faults
from local.simulators.tastytrade import faults as tastytrade_faults
from local.simulators.venue.faults import FaultKind
from tests.contract.brokers.venue import Venue, order

SECONDS = 30
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)
RESTING: Final[dict[str, Any]] = {"order_type": "limit", "limit_price": Decimal("200.01")}
SWITCHES: Final[Mapping[str, Mapping[str, FaultKind]]] = {
    "alpaca": alpaca_faults.TABLE,
    "tastytrade": tastytrade_faults.TABLE,
}
GATEWAY: Final = {"alpaca": "error_504_after_accept", "tastytrade": "error_502_after_accept"}
"""Where a fault has another name at each broker; the others have one name."""
UNCLEAR: Final[list[tuple[str, type[AgentTraderError], bool]]] = [
    ("timeout_after_accept", OutcomeUnknown, True),
    ("gateway", OutcomeUnknown, True),
    ("reset_before_accept", OutcomeUnknown, False),
    ("reset_after_accept", OutcomeUnknown, True),
    ("reject_429", NotSent, False),
]
UNCLEAR_IDS: Final = [name.replace("_", " ") for name, _, _ in UNCLEAR]


def switch_of(venue: Venue, switch: str) -> str:
    return GATEWAY[venue.name] if switch == "gateway" else switch


@pytest.mark.parametrize(("switch", "raised", "exists"), UNCLEAR, ids=UNCLEAR_IDS)
async def test_submit_when_a_fault_strikes_then_it_is_sent_once_and_find_order_tells_the_truth(
    switch: str, raised: type[AgentTraderError], exists: bool, venue: Venue
) -> None:
    broker = venue.broker(broker_timeout=0.5)
    venue.fault(switch_of(venue, switch))
    with pytest.raises(raised):
        await broker.submit(order("unsure"))
    assert venue.submits() == 1
    found = await broker.find_order("unsure")
    assert (found is not None) is exists
    assert len(venue.orders()) == exists
    if found is None or broker.capabilities.deduplicates:
        again = await broker.submit(order("unsure"))
        assert found is None or again.broker_order_id == found.broker_order_id
    assert [row["client_order_id"] for row in venue.orders()] == ["unsure"]


@pytest.mark.parametrize(("switch", "raised", "exists"), UNCLEAR, ids=UNCLEAR_IDS)
async def test_replace_when_a_fault_strikes_then_asking_again_makes_one_order(
    switch: str, raised: type[AgentTraderError], exists: bool, venue: Venue
) -> None:
    broker = venue.broker(broker_timeout=0.5)
    old = await broker.submit(order("old", "10", **RESTING))
    change = OrderChange(client_order_id="new", quantity=Decimal(10), limit_price=Decimal("201.5"))
    venue.fault(switch_of(venue, switch), method=venue.replaces_with)
    with pytest.raises(raised):
        await broker.replace(old.broker_order_id, change)
    assert venue.changes() == 1
    assert (await broker.find_order("new") is not None) is exists
    await broker.replace(old.broker_order_id, change)
    assert [row["client_order_id"] for row in venue.orders()] == ["old", "new"]


@pytest.mark.parametrize(("switch", "raised", "_"), UNCLEAR, ids=UNCLEAR_IDS)
async def test_cancel_when_a_fault_strikes_then_asking_again_is_safe(
    switch: str, raised: type[AgentTraderError], _: bool, venue: Venue
) -> None:
    broker = venue.broker(broker_timeout=0.5)
    working = await broker.submit(order("works", **RESTING))
    venue.fault(switch_of(venue, switch), method="DELETE")
    with pytest.raises(raised):
        await broker.cancel(working.broker_order_id)
    await broker.cancel(working.broker_order_id)
    ended = await broker.find_order("works")
    assert ended is not None
    assert ended.state == "canceled"


CHANGE: Final = OrderChange(client_order_id="new", quantity=Decimal(1), limit_price=Decimal(201))


READS: Final[dict[str, Callable[[Broker], Awaitable[Any]]]] = {
    "account": lambda broker: broker.account(),
    "rules": lambda broker: broker.rules(),
    "positions": lambda broker: broker.positions(),
    "open_orders": lambda broker: broker.open_orders(),
    "find_order": lambda broker: broker.find_order("any"),
    "find_orders": lambda broker: broker.find_orders("any"),
    "fills": lambda broker: broker.fills(BEGINNING),
    "activities": lambda broker: broker.activities(BEGINNING),
    "clock": lambda broker: broker.clock(),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("switch", ["gateway", "reset_before_accept", "reject_429"])
async def test_read_when_a_fault_strikes_then_it_is_not_connected_and_the_next_works(
    switch: str, read: str, venue: Venue
) -> None:
    broker = venue.broker()
    venue.fault(switch_of(venue, switch), method="GET", path="/")
    with pytest.raises(NotConnected):
        await READS[read](broker)
    await READS[read](broker)


async def test_every_call_when_nobody_listens_then_reads_are_not_connected_and_an_order_is_not_assumed(
    venue: Venue,
) -> None:
    broker = venue.unreachable()
    for read in READS.values():
        with pytest.raises(NotConnected):
            await read(broker)
    with pytest.raises((OutcomeUnknown, NotSent)):
        await broker.submit(order("nobody"))
    with pytest.raises((OutcomeUnknown, NotSent)):
        await broker.close_position("SPY", "nobody")


async def test_every_call_when_the_secret_is_wrong_then_it_says_so_and_nothing_is_placed(venue: Venue) -> None:
    broker = venue.stranger()
    for read in READS.values():
        with pytest.raises(BadCredentials):
            await read(broker)
    for write in (broker.submit(order("stolen")), broker.cancel("1"), broker.close_position("SPY", "stolen")):
        with pytest.raises(BadCredentials):
            await write
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        with pytest.raises(BadCredentials):
            await anext(updates)
    assert venue.orders() == []


async def test_cancel_when_the_order_fills_on_the_way_then_the_fill_stands(venue: Venue) -> None:
    broker = venue.broker()
    working = await broker.submit(order("races", **RESTING))
    venue.fault("cancel_fill_race")
    await broker.cancel(working.broker_order_id)
    venue.move()
    ended = await broker.find_order("races")
    assert ended is not None
    assert (ended.state, ended.filled_quantity) == ("filled", Decimal(1))
    assert [position.quantity for position in await broker.positions()] == [1]


async def test_cancel_when_it_is_stuck_then_the_order_says_that_it_is_pending(venue: Venue) -> None:
    broker = venue.broker()
    working = await broker.submit(order("stuck", **RESTING))
    venue.fault("stuck_cancel")
    await broker.cancel(working.broker_order_id)
    found = await broker.find_order("stuck")
    assert found is not None
    assert found.state == "cancel_pending"
    assert len(await broker.open_orders()) == 1


async def test_replace_races_fill_when_the_order_fills_first_then_one_fill_counts_and_the_new_one_ends(
    venue: Venue,
) -> None:
    broker = venue.broker()
    old = await broker.submit(order("old", **RESTING))
    venue.fault("replace_fill_race")
    change = OrderChange(client_order_id="new", quantity=Decimal(1), limit_price=Decimal(201))
    with contextlib.suppress(Rejected):
        await broker.replace(old.broker_order_id, change)
    found, new = await broker.find_order("old"), await broker.find_order("new")
    assert found is not None
    assert (found.state, found.filled_quantity) == ("filled", Decimal(1))
    assert new is None or (new.state in ("rejected", "canceled") and not new.filled_quantity)
    assert [position.quantity for position in await broker.positions()] == [1]


async def test_replace_when_the_exchange_refuses_it_then_the_old_order_works_on(venue: Venue) -> None:
    broker = venue.broker()
    old = await broker.submit(order("old", **RESTING))
    venue.fault("replace_rejected")
    change = OrderChange(client_order_id="new", quantity=Decimal(1), limit_price=Decimal(201))
    with contextlib.suppress(Rejected):
        await broker.replace(old.broker_order_id, change)
    (working,) = await broker.open_orders()
    assert isinstance(working, BrokerOrder)
    assert (working.client_order_id, working.state, working.limit_price) == ("old", "submitted", Decimal("200.01"))


async def test_fills_when_an_order_fills_in_parts_then_each_part_is_told_by_stream_and_list(venue: Venue) -> None:
    broker = venue.broker()
    venue.fault("partial_fills", least=3, most=3, at_once=1)
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        await anext(updates)
        await broker.submit(order("parts", "9"))
        venue.move(3)
        heard: list[BrokerFill] = []
        while sum(fill.quantity for fill in heard) < 9:
            update = await anext(updates)
            if isinstance(update, TradeUpdate):
                heard += update.fills
    listed = [fill for fill in await broker.fills(BEGINNING) if isinstance(fill, BrokerFill)]
    assert [fill.cumulative_quantity for fill in heard] == [fill.cumulative_quantity for fill in listed]
    assert len(listed) == 3


async def test_trade_updates_when_a_message_comes_twice_then_no_execution_has_two_names(venue: Venue) -> None:
    broker = venue.broker()
    venue.fault("duplicate_stream_event", 2)
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        await anext(updates)
        await broker.submit(order("twice"))
        await broker.submit(order("later", **RESTING))
        heard: list[TradeUpdate] = []
        while not heard or heard[-1].order.client_order_id != "later":
            update = await anext(updates)
            assert isinstance(update, TradeUpdate)
            heard.append(update)
    fills = [fill for update in heard for fill in update.fills]
    by = broker.capabilities.fills_named_by
    assert len({getattr(fill, by) for fill in fills}) == 1


async def test_trade_updates_when_the_stream_is_cut_then_connected_comes_again_and_the_list_has_what_was_missed(
    venue: Venue,
) -> None:
    broker = venue.broker()
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        assert isinstance(await anext(updates), Connected)
        venue.fault("drop_stream", 0)
        missed = await broker.submit(order("missed"))
        while not isinstance(await anext(updates), Connected):
            pass
        listed = [fill for fill in await broker.fills(BEGINNING) if isinstance(fill, BrokerFill)]
        assert [fill.broker_order_id for fill in listed] == [missed.broker_order_id]
        await broker.submit(order("heard"))
        told = await anext(updates)
    assert isinstance(told, TradeUpdate)
    assert told.order.client_order_id == "heard"


@pytest.mark.parametrize(("name", "switch"), [(name, switch) for name, table in SWITCHES.items() for switch in table])
async def test_every_fault_when_it_strikes_then_the_word_is_right_and_the_adapter_ends_with_the_brokers_book(
    name: str, switch: str, request: pytest.FixtureRequest
) -> None:
    venue: Venue = request.getfixturevalue(name)
    venue.open()
    broker, kind = venue.broker(broker_timeout=0.5), SWITCHES[name][switch]
    more: dict[str, Any] = {taken: least for taken, (least, _) in (kind.takes or {}).items()}
    if switch == "halted_symbol":
        more["symbol"] = "SPY"
    said: dict[str, BrokerOrder | AgentTraderError] = {}

    async def tried(name: str, call: Awaitable[BrokerOrder]) -> None:
        try:
            said[name] = await call
        except (Rejected, NotSent, OutcomeUnknown) as error:
            said[name] = error

    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        assert isinstance(await anext(updates), Connected)
        old = await broker.submit(order("old", **RESTING))
        venue.fault(switch, kind.least, **more)
        await tried("one", broker.submit(order("one", "3")))
        await tried("new", broker.replace(old.broker_order_id, CHANGE))
        for name in ("old", "new"):
            with contextlib.suppress(NotConnected, NotSent, OutcomeUnknown):
                for working in await broker.find_orders(name):
                    await broker.cancel(working.broker_order_id)
    venue.heal()
    venue.move(3)
    await the_same(venue.broker(), venue.book(), said)


async def the_same(broker: Broker, book: dict[str, Any], said: dict[str, BrokerOrder | AgentTraderError]) -> None:
    """What the adapter tells in the end is the broker's book, and what it said on the way was true."""
    assert sorted(row["client_order_id"] for row in book["orders"]) == sorted({"old", *_taken(book, said)})
    for name, answer in said.items():
        rows = [row for row in book["orders"] if row["client_order_id"] == name]
        if isinstance(answer, BrokerOrder):
            assert [row["id"] for row in rows] == [answer.broker_order_id]
        elif isinstance(answer, Rejected | NotSent):
            assert [row for row in rows if row["status"] != "rejected"] == []
    for row in book["orders"]:
        (found,) = await broker.find_orders(row["client_order_id"])
        assert (found.broker_order_id, found.filled_quantity) == (row["id"], Decimal(row["filled_qty"]))
    fills = [row for row in await broker.fills(BEGINNING) if isinstance(row, BrokerFill)]
    assert sorted((fill.broker_order_id, fill.quantity, fill.price) for fill in fills) == sorted(
        (row["order_id"], Decimal(row["qty"]), Decimal(row["price"])) for row in book["fills"]
    )
    assert {one.symbol: one.quantity for one in await broker.positions()} == {
        row["symbol"]: Decimal(row["qty"]) for row in book["positions"]
    }
    assert not any(isinstance(row, Quarantined) for row in await broker.open_orders())


def _taken(book: dict[str, Any], said: dict[str, BrokerOrder | AgentTraderError]) -> set[str]:
    """The names that the book has, each of which was asked for."""
    return {row["client_order_id"] for row in book["orders"]} & said.keys()
