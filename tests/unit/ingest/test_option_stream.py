"""The option stream worker: what is needed is streamed, coalesced and told; marks move from time to time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from functions.brokers.errors import BadCredentials
from functions.brokers.markets import OptionQuote
from functions.brokers.protocol import Connected, MarketData, Quarantined
from functions.core.ledger.errors import LedgerRefused, LedgerUnavailable
from functions.core.ledger.market_data import MarketDataLedger
from functions.ingest import handlers
from functions.ingest.option_stream import OptionStreamWorker
from tests.unit.core.doubles import NOW, Turns, World, until

CALL, PUT = "SPY260116C00500000", "SPY260116P00500000"
D = Decimal
TOLD = "publish market-data-options"


def needed(*symbols: str, listed: bool = True) -> list[dict[str, Any]]:
    return [{"symbol": name, "underlying": "SPY", "multiplier": "100", "listed": listed} for name in symbols]


def quote(seconds: int = 0, symbol: str = CALL, ask: str | None = "1.10") -> OptionQuote:
    at = NOW + timedelta(seconds=seconds)
    price = None if ask is None else D(ask)
    return OptionQuote(symbol=symbol, quoted_at=at, bid=D("1.00"), ask=price, feed="test", delay_seconds=9)


class Streaming:
    """What is put into `arriving` is streamed; an error is raised."""

    feed = "test"

    def __init__(self) -> None:
        self.arriving: asyncio.Queue[OptionQuote | Quarantined | Exception] = asyncio.Queue()
        self.subscribed: list[list[str]] = []
        self.closed = 0

    async def option_stream(
        self, symbols: Sequence[str]
    ) -> AsyncGenerator[Connected | OptionQuote | Quarantined, None]:
        self.subscribed.append(list(symbols))
        try:
            yield Connected()
            while True:
                message = await self.arriving.get()
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            self.closed += 1


@asynccontextmanager
async def working(world: World, source: Streaming) -> AsyncIterator[asyncio.Task[None]]:
    worker = OptionStreamWorker(world.ports, MarketDataLedger(world.ledger), cast("MarketData", source))
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield task
    finally:
        stop.set()
        with contextlib.suppress(BadCredentials):
            await task


def world_of(*symbols: str, **settings: Any) -> World:
    quick = {"watch_interval": 0.005, "quote_interval": 0, "mark_interval": 0.001}
    return World({"options_needed": needed(*symbols)}, **(quick | settings))


async def test_worker_when_quoted_then_in_the_hot_store_told_and_marked_and_no_greeks_are_lost() -> None:
    world, source = world_of(CALL), Streaming()
    async with working(world, source):
        source.arriving.put_nowait(quote())
        await until(lambda: bool(world.asked("upsert_marks")))
    assert source.subscribed == [[CALL]]
    (put,) = world.asked(f"put quote:{CALL}")
    assert (put["underlying"], put["ask"], put["delay_seconds"]) == ("SPY", "1.1", 9)
    assert len(world.asked(TOLD)) == 1
    (marks,) = world.asked("upsert_marks")
    (mark,) = marks["p_marks"]
    assert (mark["symbol"], mark["mark"]) == (CALL, "1.05")
    # A streamed quote has no greeks: the row with those that the schedule asked for stays.
    assert world.asked("record_option_data") == []
    assert source.closed == 1


async def test_worker_when_quotes_come_quickly_then_the_newest_is_told_and_an_older_one_never() -> None:
    world, source = world_of(CALL, quote_interval=0.2, mark_interval=3600), Streaming()
    async with working(world, source):
        for second, ask in ((0, "1.10"), (1, "1.20"), (2, "1.30"), (1, "9")):
            source.arriving.put_nowait(quote(second, ask=ask))
        # What was passed over is said when the interval is over: no further quote comes.
        await until(lambda: any(put["ask"] == "1.3" for put in world.asked(f"put quote:{CALL}")))
    told = [put["ask"] for put in world.asked(f"put quote:{CALL}")]
    assert (told[0], told[-1]) == ("1.1", "1.3")
    assert world.asked("upsert_marks") == []


async def test_worker_when_the_need_changes_then_it_subscribes_anew_and_to_nothing_where_there_is_none() -> None:
    world, source = World(watch_interval=0.005), Streaming()
    world.ledger.answers["options_needed"] = needed(CALL)
    async with working(world, source):
        await until(lambda: source.subscribed == [[CALL]])
        world.ledger.answers["options_needed"] = [*needed(PUT, CALL), *needed("SPY260116P00400000", listed=False)]
        await until(lambda: source.subscribed == [[CALL], [CALL, PUT]])
        world.ledger.answers["options_needed"] = LedgerUnavailable("DOWN", "a test")
        before = len(world.asked("options_needed"))
        await until(lambda: len(world.asked("options_needed")) > before)
        assert source.closed == 1
        world.ledger.answers["options_needed"] = []
        await until(lambda: source.closed == 2)
    assert len(source.subscribed) == 2


@pytest.mark.parametrize(
    "strange", [quote(6), quote(ask=None), quote(symbol="SPY260116C00999000"), Quarantined("a test", "{}")], ids=str
)
async def test_worker_when_a_message_is_no_market_of_a_needed_option_then_the_next_is_heard(
    strange: OptionQuote | Quarantined,
) -> None:
    world, source = world_of(CALL), Streaming()
    async with working(world, source):
        source.arriving.put_nowait(strange)
        source.arriving.put_nowait(quote(1))
        await until(lambda: bool(world.asked("upsert_marks")))
    assert [put["ask"] for put in world.asked(f"put quote:{CALL}")] == ["1.1"]


async def test_worker_when_quotes_are_no_market_then_they_are_counted_by_contract_and_kind_and_reach_nobody() -> None:
    world, source = world_of(CALL), Streaming()
    world.ledger.answers["record_findings"] = 1
    async with working(world, source):
        for message in (
            quote(ask="0"),
            quote(ask="0.5"),
            quote(6),
            quote(ask="NaN"),
            Quarantined("a test", "{}", symbol=CALL),
            quote(1),
        ):
            source.arriving.put_nowait(message)
        await until(lambda: bool(world.asked("upsert_marks")))
    rows = [row for given in world.asked("record_findings") for row in given["p_findings"]]
    assert [(row["symbol"], row["kind"], row["sample"].split(": ")[-1]) for row in rows] == [
        (CALL, "quote", "NO_ASK"),
        (CALL, "quote", "CROSSED"),
        (CALL, "quote", "FUTURE"),
        (CALL, "malformed", "NOT_A_NUMBER"),
        (CALL, "malformed", "{}"),
    ]
    assert [put["ask"] for put in world.asked(f"put quote:{CALL}")] == ["1.1"]


async def test_worker_when_marks_are_refused_then_told_and_it_goes_on() -> None:
    world, source = world_of(CALL), Streaming()
    world.ledger.answers["upsert_marks"] = Turns(LedgerRefused("BAD_MARK", "a test", 422), 1)
    async with working(world, source):
        source.arriving.put_nowait(quote())
        await until(lambda: bool(world.asked("raise_alert")))
        source.arriving.put_nowait(quote(1))
        await until(lambda: len(world.asked("upsert_marks")) == 2)


async def test_worker_when_an_error_comes_that_waiting_does_not_mend_then_it_ends_with_it() -> None:
    world, source = world_of(CALL), Streaming()
    async with working(world, source) as task:
        source.arriving.put_nowait(BadCredentials("NO_KEYS", "a test"))
        with pytest.raises(BadCredentials):
            await task


async def test_worker_when_another_holds_the_lease_then_it_waits() -> None:
    world, source = world_of(CALL), Streaming()
    world.hot.acquire("option-data-stream", "another", timedelta(minutes=1))
    before = world.hot.refused
    async with working(world, source):
        await until(lambda: world.hot.refused > before)
    assert source.subscribed == []


async def test_entry_point_when_the_clock_is_a_replays_then_it_streams_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(clock="replay")
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    stop = asyncio.Event()
    stop.set()
    await handlers.stream_option_data(stop)
    assert world.said() == []
