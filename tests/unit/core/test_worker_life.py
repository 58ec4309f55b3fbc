"""What every worker does: wait for what is down, and hold its lease."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from functions.core import worker_life
from functions.core.errors import BadInput, Temporary, Unavailable
from functions.core.log import logger
from functions.core.replay_clock import CLOCK_KEY, ReplayClock
from functions.core.runtime import owner
from functions.core.worker_life import hold_lease, patiently
from tests.unit.core.doubles import World, until

LOG = logger("test")


async def test_patiently_when_it_fails_for_a_while_then_its_result_comes_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_life, "_FIRST_WAIT", 0.001)
    failures = [Unavailable("DOWN", "down") for _ in range(4)]

    async def call() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert await patiently(call, asyncio.Event(), LOG, "call") == "done"


async def test_patiently_when_the_error_is_final_then_it_is_raised_at_once() -> None:
    async def call() -> None:
        raise BadInput("NO", "never")

    with pytest.raises(BadInput):
        await patiently(call, asyncio.Event(), LOG, "call")


async def test_patiently_when_asked_to_stop_then_it_gives_up_without_waiting_on() -> None:
    stop = asyncio.Event()

    async def call() -> str:
        stop.set()
        raise Temporary("DOWN", "down")

    assert await asyncio.wait_for(patiently(call, stop, LOG, "call"), 5) is None


async def test_hold_lease_when_the_hot_store_is_down_then_it_asks_again() -> None:
    world, stop = World(worker_lease=1.01), asyncio.Event()
    failures = [Unavailable("HOTSTORE_UNAVAILABLE", "down")]
    acquire = world.hot.acquire

    def failing(*given: object) -> object:
        if failures:
            raise failures.pop()
        return acquire(*given)  # type: ignore[arg-type]

    world.hot.acquire = failing  # type: ignore[method-assign,assignment]
    async with contextlib.aclosing(hold_lease(world.ports, "name", stop)) as leases:
        held = await asyncio.wait_for(anext(leases), 5)
        assert held()
    assert failures == []


async def test_hold_lease_when_closed_then_another_may_take_it_at_once() -> None:
    world = World()
    async with contextlib.aclosing(hold_lease(world.ports, "name", asyncio.Event())) as leases:
        await anext(leases)
        assert world.hot.memory.acquire("name", "another", 1) is None
    assert world.hot.memory.acquire("name", "another", 1) is not None


async def test_hold_lease_when_another_owner_is_seen_then_it_is_lost_and_not_given_away() -> None:
    world = World(worker_lease=1.01)
    async with contextlib.aclosing(hold_lease(world.ports, "name", asyncio.Event())) as leases:
        held = await anext(leases)
        world.hot.memory.release("name", owner())
        world.hot.memory.acquire("name", "another", 60)
        await until(lambda: not held())
    assert world.hot.memory.acquire("name", "third", 1) is None


async def test_hold_lease_when_stopped_while_waiting_then_it_ends() -> None:
    world, stop = World(worker_lease=1.01), asyncio.Event()
    world.hot.memory.acquire("name", "another", 60)
    waiting = asyncio.create_task(anext(hold_lease(world.ports, "name", stop), None))
    await until(lambda: world.hot.refused >= 1)
    stop.set()
    assert await asyncio.wait_for(waiting, 5) is None


def test_replay_clock_when_the_conductor_has_not_spoken_then_it_is_temporary() -> None:
    with pytest.raises(Temporary) as refused:
        ReplayClock(World().hot).now()
    assert refused.value.code == "NO_REPLAY_CLOCK"


def test_replay_clock_when_the_conductor_has_spoken_then_it_is_that_moment_in_utc() -> None:
    world = World()
    world.hot.put(CLOCK_KEY, "2018-02-05T09:30:00-05:00")
    assert ReplayClock(world.hot).now() == datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
