"""The trade stream worker: subscribe, compare, apply; poll as well; one account never stops another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.brokers.errors import BadCredentials, BadResponse, NotConnected
from functions.brokers.orders import TradeUpdate
from functions.brokers.protocol import Connected, Quarantined
from functions.core.ledger.errors import LedgerUnavailable
from functions.execute.stream import WORKER, TradeUpdatesWorker
from functions.execute.watching import is_watched
from tests.unit.core.doubles import NOW, Turns, World, until
from tests.unit.execute.desk_made import (
    ALICE,
    BOB,
    ScriptedBroker,
    account_row,
    at_broker,
    claimed_row,
    desk_of,
    execution,
    trade,
)


def world_of(*accounts: UUID, poll_interval: float = 60, **answers: Any) -> World:
    return World(
        {
            "trading_accounts": [account_row(account) for account in accounts],
            "unrecorded_fills": [],
            "working_orders": [],
            "record_fill": {"counted": True},
            "record_broker_update": {"trade_id": str(trade(1)), "status": "submitted"},
            "record_account_snapshot": True,
            "record_account_rules": True,
            "record_broker_positions": {"differences": [], "opened": 0, "closed": 0},
            "start_reconciliation": str(trade(0)),
            "claim_unresolved": [],
        }
        | answers,
        watch_interval=0.01,
        poll_interval=poll_interval,
        worker_lease=1.01,
    )


@asynccontextmanager
async def working(world: World, brokers: dict[UUID, Any]) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(TradeUpdatesWorker(desk_of(world, brokers)).run(stop))
    try:
        yield task
    finally:
        stop.set()
        if not task.done():
            await asyncio.wait_for(task, 10)


def compared(world: World, account: UUID = ALICE) -> int:
    """How often the worker has said that everything of the account is on record."""
    return sum(
        (given["p_worker"], given["p_stream"]) == (WORKER, str(account))
        for given in world.asked("record_stream_position")
    )


def update(**more: Any) -> TradeUpdate:
    values: dict[str, Any] = {"event": "new", "at": NOW, "order": at_broker(), "fills": ()}
    return TradeUpdate(**(values | more))


async def test_connected_when_it_comes_then_the_account_is_compared_each_time() -> None:
    world = world_of(ALICE)
    broker = ScriptedBroker(world.journal)
    async with working(world, {ALICE: broker}):
        await until(lambda: compared(world) == 1)
        broker.arriving.put_nowait(Connected())
        await until(lambda: compared(world) == 2)


async def test_update_when_it_is_a_fill_then_it_is_recorded_with_its_order_and_the_position_in_one_call() -> None:
    world = world_of(ALICE)
    broker = ScriptedBroker(world.journal)
    async with working(world, {ALICE: broker}):
        broker.arriving.put_nowait(update(event="fill", fills=(execution(client_order_id="at-1"),)))
        await until(lambda: len(world.asked("record_fill")) == 1)
    (given,) = world.asked("record_fill")
    assert given["p_cursor"] == {"worker": WORKER, "stream": str(ALICE), "position": "2026-01-02T15:00:00Z"}
    assert (given["p_fill"]["source"], given["p_fill"]["client_order_id"]) == ("stream", "at-1")
    assert (given["p_fill"]["order_type"], given["p_fill"]["ordered_quantity"]) == ("limit", "10")
    assert world.asked("record_broker_update") == []


async def test_update_when_it_is_no_fill_then_the_state_is_recorded_with_the_position() -> None:
    world = world_of(ALICE)
    broker = ScriptedBroker(world.journal)
    async with working(world, {ALICE: broker}):
        broker.arriving.put_nowait(update(event="canceled", order=at_broker(state="canceled")))
        await until(lambda: len(world.asked("record_broker_update")) == 1)
    (given,) = world.asked("record_broker_update")
    assert given["p_update"]["status"] == "canceled"
    assert given["p_cursor"]["stream"] == str(ALICE)


async def test_update_when_the_ledger_is_down_then_it_waits_and_none_is_lost() -> None:
    world = world_of(ALICE, record_fill=Turns(LedgerUnavailable("LEDGER_UNAVAILABLE", "down"), {"counted": True}))
    broker = ScriptedBroker(world.journal)
    async with working(world, {ALICE: broker}):
        for number in (1, 2):
            broker.arriving.put_nowait(update(event="fill", fills=(execution(number),)))
        await until(lambda: len(world.asked("record_fill")) == 3)
    assert [given["p_fill"]["external_id"] for given in world.asked("record_fill")] == ["e-1", "e-1", "e-2"]


async def test_update_when_it_cannot_be_read_then_somebody_is_told_and_the_next_is_applied() -> None:
    world = world_of(ALICE)
    broker = ScriptedBroker(world.journal)
    async with working(world, {ALICE: broker}):
        broker.arriving.put_nowait(Quarantined("unknown order status 'teleported'", "{...}"))
        broker.arriving.put_nowait(update())
        await until(lambda: len(world.asked("record_broker_update")) == 1)
    (alert,) = world.asked("raise_alert")
    assert (alert["p_code"], alert["p_severity"]) == ("TRADE_UPDATE_REJECTED", "critical")


async def test_poll_when_the_stream_is_silent_then_the_lists_are_read_all_the_same() -> None:
    world = world_of(ALICE, poll_interval=0.01)
    async with working(world, {ALICE: ScriptedBroker(world.journal)}):
        await until(lambda: compared(world) >= 4)


async def test_poll_when_the_broker_is_away_for_a_while_then_it_goes_on_after() -> None:
    world = world_of(ALICE, poll_interval=0.01)
    broker = ScriptedBroker(world.journal)
    async with working(world, {ALICE: broker}):
        await until(lambda: compared(world) >= 1)
        answer, broker.answers["clock"] = broker.answers["clock"], NotConnected("ALPACA_UNAVAILABLE", "down")
        asked = len(world.asked("broker.clock"))
        await until(lambda: len(world.asked("broker.clock")) >= asked + 3)
        broker.answers["clock"] = answer
        before = compared(world)
        await until(lambda: compared(world) > before)


@pytest.mark.parametrize("where", ["stream", "poll"])
@pytest.mark.parametrize(
    "error", [BadCredentials("BAD_KEYS", "enter them again"), BadResponse("unknown order status", {})], ids=repr
)
async def test_account_when_it_does_not_work_then_it_is_told_and_tried_again_while_the_others_go_on(
    where: str, error: Exception
) -> None:
    world = world_of(BOB, ALICE, poll_interval=0.05)
    bobs, alices = ScriptedBroker(world.journal, "bobs"), ScriptedBroker(world.journal, "alices")
    if where == "stream":
        bobs.arriving.put_nowait(error)
    async with working(world, {ALICE: alices, BOB: bobs}) as task:
        await until(lambda: compared(world, BOB) >= 1 or bool(world.asked("raise_alert")))
        if where == "poll":
            answer, bobs.answers["account"] = bobs.answers["account"], error
        await until(lambda: len(world.asked("raise_alert")) >= 1)
        if where == "poll":
            bobs.answers["account"] = answer
        alices.arriving.put_nowait(update())
        await until(lambda: len(world.asked("record_broker_update")) == 1)
        before = compared(world, BOB)
        await until(lambda: compared(world, BOB) > before and bobs.streams == 1)
        assert not task.done()
    assert {alert["p_numbers"]["account"] for alert in world.asked("raise_alert")} == {str(BOB)}


async def test_account_when_its_stream_ends_for_a_while_then_it_is_opened_again_and_nobody_is_told() -> None:
    world = world_of(ALICE, poll_interval=0.01)
    broker = ScriptedBroker(world.journal)
    broker.arriving.put_nowait(NotConnected("STREAM_ENDED", "to be opened again"))
    async with working(world, {ALICE: broker}):
        await until(lambda: broker.arriving.empty() and compared(world) >= 1)
        broker.arriving.put_nowait(update())
        await until(lambda: len(world.asked("record_broker_update")) == 1)
    assert world.asked("raise_alert") == []


async def test_account_when_its_keys_come_later_then_it_is_served_from_then_on() -> None:
    world = world_of(ALICE)
    brokers: dict[UUID, Any] = {}
    async with working(world, brokers):
        await until(lambda: len(world.asked("raise_alert")) >= 1)
        brokers[ALICE] = ScriptedBroker(world.journal)
        await until(lambda: compared(world) == 1)
    assert world.asked("raise_alert")[0]["p_code"] == "NO_BROKER_KEYS"


async def test_account_when_it_is_linked_later_then_it_is_served_too() -> None:
    world = world_of(ALICE)
    brokers = {ALICE: ScriptedBroker(world.journal, "alices"), BOB: ScriptedBroker(world.journal, "bobs")}
    async with working(world, brokers):
        await until(lambda: compared(world, ALICE) == 1)
        world.ledger.answers["trading_accounts"] = [account_row(ALICE), account_row(BOB)]
        await until(lambda: compared(world, BOB) == 1)


@pytest.mark.parametrize("gone", [[], [account_row(ALICE) | {"link_state": "refused"}]])
async def test_account_when_it_is_unlinked_or_its_keys_are_refused_then_the_old_ones_read_nothing_more(
    gone: list[dict[str, Any]],
) -> None:
    now = [account_row(ALICE)]
    world = world_of(poll_interval=0.01, trading_accounts=lambda _: list(now))
    broker = ScriptedBroker(world.journal)
    broker.arriving.put_nowait(Connected())
    async with working(world, {ALICE: broker}):
        await until(lambda: compared(world) > 1)
        now[:] = gone
        lease = f"trade-stream:{ALICE}"
        await until(lambda: world.hot.acquire(lease, "somebody else", timedelta(seconds=9)) is not None)
        read = len(world.said("broker."))
        looked = len(world.asked("trading_accounts"))
        await until(lambda: len(world.asked("trading_accounts")) > looked + 5)
        assert len(world.said("broker.")) == read


async def test_account_when_its_keys_are_entered_again_then_it_is_served_with_those() -> None:
    now = [account_row(ALICE)]
    world = world_of(trading_accounts=lambda _: list(now))
    before, after = ScriptedBroker(world.journal), ScriptedBroker(world.journal)
    brokers = {ALICE: before}
    async with working(world, brokers):
        await until(lambda: before.streams == 1)
        brokers[ALICE] = after
        now[:] = [account_row(ALICE) | {"trading_entered_at": (NOW + timedelta(seconds=1)).isoformat()}]
        await until(lambda: (before.streams, after.streams) == (0, 1))


async def test_worker_when_another_holds_an_accounts_lease_then_it_serves_the_others_only() -> None:
    world = world_of(ALICE, BOB)
    world.hot.memory.acquire(f"trade-stream:{BOB}", "another", 60)
    brokers = {ALICE: ScriptedBroker(world.journal, "alices"), BOB: ScriptedBroker(world.journal, "bobs")}
    async with working(world, brokers):
        await until(lambda: compared(world, ALICE) == 1 and world.hot.refused >= 1)
        assert world.said("bobs") == []
        world.hot.memory.release(f"trade-stream:{BOB}", "another")
        await until(lambda: compared(world, BOB) == 1)


async def test_worker_when_stopped_then_streams_and_leases_are_given_back() -> None:
    world = world_of(ALICE, BOB)
    brokers = {ALICE: ScriptedBroker(world.journal), BOB: ScriptedBroker(world.journal)}
    async with working(world, brokers):
        await until(lambda: all(broker.streams == 1 for broker in brokers.values()))
    assert [broker.streams for broker in brokers.values()] == [0, 0]
    assert world.hot.memory.sizes()["leases"] == 0
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_worker_when_one_accounts_messages_meet_a_bug_then_it_is_told_and_the_others_are_served() -> None:
    world = world_of(ALICE, BOB, poll_interval=0.02)
    broken, well = ScriptedBroker(world.journal, "alices"), ScriptedBroker(world.journal, "bobs")
    broken.arriving.put_nowait(ZeroDivisionError("a bug"))
    async with working(world, {ALICE: broken, BOB: well}) as worker:
        await until(lambda: "PLATFORM_ERROR" in [alert["p_code"] for alert in world.asked("raise_alert")])
        before = compared(world, BOB)
        # Its own account too, since what was wrong may have been that message alone.
        await until(lambda: broken.streams == 1 and compared(world, BOB) > before)
        assert not worker.done()
    assert "ZeroDivisionError" in world.asked("raise_alert")[0]["p_text"]


async def test_stream_when_it_is_up_and_everything_is_on_record_then_the_account_is_said_to_be_watched() -> None:
    world = world_of(ALICE)
    async with working(world, {ALICE: ScriptedBroker(world.journal)}):
        await until(lambda: is_watched(world.ports, ALICE))
        assert compared(world) >= 1


async def test_stream_when_it_is_open_and_tells_nothing_of_what_the_list_has_then_it_is_opened_anew() -> None:
    missed = [{"index": 0, "order_known": True}]
    opened: list[bool] = []

    def unrecorded(_: Any) -> Any:
        # From when the stream is up until it is opened anew: which of the two comparisons comes first is not said.
        return missed if is_watched(world.ports, ALICE) and len(opened) < 2 else []

    world = world_of(ALICE, poll_interval=0.02, unrecorded_fills=unrecorded)
    old = execution(executed_at=NOW - timedelta(minutes=1))
    broker = ScriptedBroker(world.journal, fills=[old])

    async def counted() -> Any:
        opened.append(True)
        async with aclosing(ScriptedBroker.trade_updates(broker)) as messages:
            async for message in messages:
                yield message

    broker.trade_updates = counted  # type: ignore[method-assign]
    async with working(world, {ALICE: broker}):
        await until(lambda: len(opened) == 2)
    assert world.asked("record_fill")


async def test_stream_when_the_list_is_only_a_little_ahead_then_it_is_left_open() -> None:
    missed = [{"index": 0, "order_known": True}]
    world = world_of(ALICE, poll_interval=0.02, unrecorded_fills=Turns([], missed, []))
    broker = ScriptedBroker(world.journal, fills=[execution(executed_at=NOW - timedelta(seconds=1))])
    async with working(world, {ALICE: broker}):
        await until(lambda: compared(world) >= 5)
        assert broker.streams == 1


def test_reconnect_when_it_fails_again_and_again_then_later_each_time_with_a_cap_and_never_at_one_moment() -> None:
    world = World(reconnect_first=0.5, reconnect_longest=30)
    worker = TradeUpdatesWorker(desk_of(world, {}))
    for failures, longest in ((0, 0.5), (1, 1), (3, 4), (10, 30), (10_000, 30)):
        waits = {worker._wait_before(failures) for _ in range(50)}
        assert len(waits) > 40
        assert longest / 10 <= min(waits)
        assert max(waits) <= longest


async def test_unknown_order_when_its_look_is_due_then_the_worker_asks_and_sends_what_waited_for_it() -> None:
    world = world_of(
        ALICE,
        claim_unresolved=Turns([claimed_row(1, attempt=2)], []),
        approved_trades=[],
        record_submission={"status": "submitted"},
    )
    broker = ScriptedBroker(world.journal, find_order=at_broker())
    async with working(world, {ALICE: broker}):
        await until(lambda: len(world.asked("approved_trades")) == 1)
    (submission,) = world.asked("record_submission")
    assert submission["p_adopted"]
    assert {given["p_account_id"] for given in world.asked("claim_unresolved")} == {str(ALICE)}


async def test_start_when_the_worker_begins_then_one_run_of_reconciliation_and_none_for_each_poll() -> None:
    world = world_of(ALICE, poll_interval=0.01)
    async with working(world, {ALICE: ScriptedBroker(world.journal)}):
        await until(lambda: compared(world) >= 4)
    assert [given["p_kind"] for given in world.asked("start_reconciliation")] == ["startup"]
