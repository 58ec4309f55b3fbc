"""The market data worker: stored before published, gaps filled, bad rows told about, one stream at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import BadCredentials, NotConnected
from functions.brokers.markets import MarketClock
from functions.brokers.protocol import Connected, Quarantined
from functions.core.errors import Unavailable
from functions.core.events import BarCompleted, BarData, QuoteData
from functions.core.ledger.errors import LedgerRefused, LedgerUnavailable
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.market_calendar import Session
from functions.ingest.rolling_up import roll_up_missed
from functions.ingest.stream import WORKER, MarketDataWorker
from tests.unit.core.doubles import NOW, Turns, World, until

MINUTE = timedelta(minutes=1)
LEASE = "market-data-stream"
Message = Connected | BarData | QuoteData | Quarantined


def bar(minute: int, symbol: str = "SPY") -> BarData:
    """The bar that starts so many minutes after NOW."""
    return BarData(
        symbol=symbol,
        timeframe="1Min",
        starts_at=NOW + MINUTE * minute,
        ends_at=NOW + MINUTE * (minute + 1),
        open=Decimal(100),
        high=Decimal(102),
        low=Decimal(99),
        close=Decimal(101),
        volume=Decimal(7),
        feed="iex",
    )


def quote(seconds: int) -> QuoteData:
    return QuoteData(
        symbol="SPY",
        bid=Decimal(100),
        ask=Decimal(101),
        bid_size=Decimal(1),
        ask_size=Decimal(1),
        quoted_at=NOW + timedelta(seconds=seconds),
        feed="iex",
    )


class TapedSource:
    """Market data that is played by the test: what is put into `arriving` is streamed; an error is raised."""

    feed = "iex"

    def __init__(self) -> None:
        self.arriving: asyncio.Queue[Message | Exception] = asyncio.Queue()
        self.history: dict[str, list[BarData | Quarantined]] = {}
        self.latest: list[QuoteData | Quarantined] = []
        self.now = NOW
        self.log: list[tuple[str, Any]] = []
        self.failures: list[Exception] = []

    async def clock(self) -> MarketClock:
        if self.failures:
            raise self.failures.pop(0)
        return MarketClock(now=self.now, is_open=True)

    async def calendar(self, start: date, end: date) -> list[Session]:
        self.log.append(("calendar", (start, end)))
        return [Session.in_new_york(date(2026, 1, 2))]

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        self.log.append((f"bars {symbol}", (start, end)))
        return self.history.get(symbol, [])

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteData | Quarantined]:
        return self.latest

    async def stream(self, symbols: Sequence[str]) -> AsyncGenerator[Message, None]:
        self.log.append(("opened", list(symbols)))
        try:
            yield Connected()
            while True:
                message = await self.arriving.get()
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            self.log.append(("closed", list(symbols)))

    async def aclose(self) -> None:
        self.log.append(("source closed", None))

    def names(self) -> list[str]:
        return [name for name, _ in self.log]


class TwoDays(TapedSource):
    """A Friday and the Monday after it."""

    async def calendar(self, start: date, end: date) -> list[Session]:
        return [Session.in_new_york(date(2026, 1, day)) for day in (2, 5)]


def watching(*symbols: str, **answers: Any) -> World:
    world = World(
        {
            "watched_symbols": {"symbols": list(symbols), "left_out": []},
            "record_market_data": 1,
            "upsert_calendar": 1,
            "latest_bar_end": None,
            "bars_until": [],
            "corporate_actions_of": [],
            "roll_up_bars": [],
            "record_findings": 1,
        }
        | answers,
        watch_interval=0.01,
        worker_lease=1.01,
        quote_interval=0,
    )
    # After every bar and quote of these tests: one from the future has a test of its own.
    world.clock.at = NOW + timedelta(days=1)
    return world


@asynccontextmanager
async def working(world: World, source: TapedSource) -> AsyncIterator[asyncio.Task[None]]:
    """The worker, running; it is asked to stop at the end and must then end well."""
    stop = asyncio.Event()
    worker = MarketDataWorker(world.ports, MarketDataLedger(world.ledger), source)
    task = asyncio.create_task(worker.run(stop))
    try:
        yield task
    finally:
        stop.set()
        if not task.done():
            await asyncio.wait_for(task, 10)


def steps(world: World) -> list[str]:
    """What was done, without questions and bookkeeping."""
    quiet = (
        "watched_symbols", "upsert_calendar", "latest_bar_end", "bars_until", "corporate_actions_of",
        "record_heartbeat", "release",
    )  # fmt: skip
    return [name for name in world.said() if not name.startswith(quiet)]


def found(world: World) -> list[tuple[str, str]]:
    """Kind and symbol of what was counted."""
    return [(row["kind"], row["symbol"]) for given in world.asked("record_findings") for row in given["p_findings"]]


def positions(world: World) -> list[tuple[str, str]]:
    return [(given["p_stream"], given["p_position"]) for given in world.asked("record_stream_position")]


async def test_bar_when_it_arrives_then_it_is_stored_published_and_then_the_position_moves() -> None:
    world, source = watching("SPY"), TapedSource()
    async with working(world, source):
        source.arriving.put_nowait(quote(1))
        source.arriving.put_nowait(bar(0))
        await until(lambda: positions(world) == [("SPY", bar(0).ends_at.isoformat())])
    assert steps(world) == [
        "put quote:SPY",
        "publish market-data-quotes",
        "record_market_data",
        "roll_up_bars",
        "publish market-data-bars",
        "record_stream_position",
    ]
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(bar(0)).id]]
    (stored,) = world.asked("record_market_data")
    assert [row["starts_at"] for row in stored["p_bars"]] == [bar(0).model_dump(mode="json")["starts_at"]]
    assert len(stored["p_quotes"]) == 1
    assert world.asked("record_stream_position")[0]["p_worker"] == WORKER


async def test_bar_when_a_quote_was_passed_over_then_it_is_said_before_the_bar() -> None:
    world, source = watching("SPY"), TapedSource()
    object.__setattr__(world.ports, "settings", world.ports.settings.model_copy(update={"quote_interval": 60.0}))
    async with working(world, source):
        for message in (quote(1), quote(2), bar(0)):
            source.arriving.put_nowait(message)
        await until(lambda: len(positions(world)) == 1)
    assert steps(world)[-6:] == [
        "record_market_data",
        "roll_up_bars",
        "put quote:SPY",
        "publish market-data-quotes",
        "publish market-data-bars",
        "record_stream_position",
    ]


async def test_bar_when_longer_ones_are_complete_with_it_then_they_are_published_after_it_in_their_order() -> None:
    longer = [bar(4).model_copy(update={"timeframe": name, "starts_at": NOW}) for name in ("5Min", "15Min")]
    world, source = watching("SPY", roll_up_bars=[each.model_dump(mode="json") for each in longer]), TapedSource()
    async with working(world, source):
        source.arriving.put_nowait(bar(4))
        await until(lambda: len(positions(world)) == 1)
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(each).id for each in (bar(4), *longer)]]
    (asked,) = world.asked("roll_up_bars")
    assert (asked["p_from"], asked["p_until"]) == (bar(4).starts_at.isoformat(), bar(4).ends_at.isoformat())


async def test_missed_periods_when_they_are_over_by_the_clock_then_they_are_published() -> None:
    longer = bar(4).model_copy(update={"timeframe": "5Min", "starts_at": NOW})
    world = World({"roll_up_missed": Turns([longer.model_dump(mode="json")], [])})
    for published in (1, 0):
        assert roll_up_missed(world.ports, MarketDataLedger(world.ledger)) == published
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(longer).id]]
    assert world.asked("roll_up_missed")[0] == {"p_now": NOW.isoformat()}


@pytest.mark.parametrize("step", ["record_market_data", "record_stream_position", "bus"])
async def test_bar_when_a_step_fails_for_a_while_then_it_is_done_from_the_start_until_it_is_through(step: str) -> None:
    world, source = watching("SPY"), TapedSource()
    if step == "bus":
        world.bus.failures = [Unavailable("BUS_UNAVAILABLE", "down")]
    else:
        world.ledger.answers[step] = Turns(LedgerUnavailable("LEDGER_UNAVAILABLE", "down"), 1)
    async with working(world, source):
        source.arriving.put_nowait(bar(0))
        source.arriving.put_nowait(bar(1))
        await until(lambda: bar(1).ends_at.isoformat() in [position for _, position in positions(world)])
    done = ["record_market_data", "roll_up_bars", "publish market-data-bars", "record_stream_position"]
    assert steps(world)[-4:] == done
    names = [each for given in world.asked("publish market-data-bars") for each in given]
    assert names[-2:] == [BarCompleted.of(bar(0)).id, BarCompleted.of(bar(1)).id]


async def test_bar_when_the_ledger_refuses_it_then_it_is_told_and_the_next_is_stored() -> None:
    refusal = LedgerRefused("UNKNOWN_SYMBOL", "Add the instrument.", 422, symbol="SPY")
    world = watching("SPY", record_market_data=Turns(refusal, 1))
    source = TapedSource()
    async with working(world, source):
        source.arriving.put_nowait(bar(0))
        source.arriving.put_nowait(bar(1))
        await until(lambda: len(positions(world)) == 1)
    assert steps(world)[:2] == ["record_market_data", "raise_alert"]
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(bar(1)).id]]


async def test_bar_and_quote_when_they_are_from_the_future_then_they_are_told_and_not_kept() -> None:
    world = watching("SPY")
    world.clock.at = NOW
    source = TapedSource()
    async with working(world, source):
        source.arriving.put_nowait(quote(60))
        source.arriving.put_nowait(bar(10))
        source.arriving.put_nowait(bar(-2))
        await until(lambda: len(positions(world)) == 1)
    assert [given["p_code"] for given in world.asked("raise_alert")] == ["DATA_REJECTED", "DATA_REJECTED"]
    assert [given["p_quotes"] for given in world.asked("record_market_data")] == [[]]
    assert positions(world) == [("SPY", bar(-2).ends_at.isoformat())]


async def test_connected_when_bars_were_missed_then_the_gap_is_filled_and_only_the_newest_wakes_anybody() -> None:
    newest = NOW - MINUTE * 4
    world = watching("SPY", latest_bar_end=newest.isoformat())
    source = TapedSource()
    source.history = {"SPY": [bar(-4), bar(-3), bar(-2), bar(-1), bar(0)]}
    source.latest = [quote(-1)]
    async with working(world, source):
        await until(lambda: len(positions(world)) == 1)
    assert ("bars SPY", (newest, NOW)) in source.log
    stored = [[row["starts_at"] for row in given["p_bars"]] for given in world.asked("record_market_data")]
    expected = [bar(minute).model_dump(mode="json")["starts_at"] for minute in (-4, -3, -2, -1)]
    # The bar that is not over yet is not there: it would be published again with other numbers.
    assert stored == [expected[:-1], expected[-1:]]
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(bar(-1)).id]]
    assert positions(world) == [("SPY", bar(-1).ends_at.isoformat())]
    assert world.hot.get("quote:SPY") is not None


async def test_connected_when_a_missed_bar_is_refused_then_it_is_told_and_costs_no_other() -> None:
    refused = bar(-3).model_dump(mode="json")["starts_at"]

    def record(given: dict[str, Any]) -> int:
        starts = [row["starts_at"] for row in given["p_bars"]]
        if refused in starts:
            raise LedgerRefused("CONSTRAINT", "bars_open_check", 409)
        return len(starts)

    world = watching("SPY", record_market_data=record)
    source = TapedSource()
    source.history = {"SPY": [bar(minute) for minute in range(-5, 0)]}
    async with working(world, source):
        await until(lambda: len(positions(world)) == 1)
    stored = [[row["starts_at"] for row in given["p_bars"]] for given in world.asked("record_market_data")]
    assert [len(rows) for rows in stored] == [4, 1, 1, 1, 1, 1]
    (alert,) = world.asked("raise_alert")
    assert "CONSTRAINT" in alert["p_text"]


async def test_symbols_when_the_feed_takes_no_more_then_those_left_out_are_told() -> None:
    world, source = watching("SPY", watched_symbols={"symbols": ["SPY"], "left_out": ["IWM"]}), TapedSource()
    async with working(world, source):
        await until(lambda: bool(world.asked("raise_alert")) and "opened" in source.names())
    alert = world.asked("raise_alert")[0]
    assert (alert["p_code"], alert["p_severity"]) == ("TOO_MANY_SYMBOLS", "critical")
    assert "IWM" in alert["p_text"]


async def test_connected_when_the_symbol_is_new_then_days_of_history_are_fetched() -> None:
    world, source = watching("SPY"), TapedSource()
    async with working(world, source):
        await until(lambda: "bars SPY" in source.names())
    ((start, end),) = [given for name, given in source.log if name == "bars SPY"]
    assert (end, end - start) == (NOW, timedelta(days=5))


async def test_connected_when_nothing_was_missed_then_the_position_is_said_all_the_same() -> None:
    world, source = watching("SPY", latest_bar_end=NOW.isoformat()), TapedSource()
    async with working(world, source):
        await until(lambda: positions(world) == [("SPY", NOW.isoformat())])
    assert world.asked("publish market-data-bars") == []


async def test_connected_when_the_broker_does_not_answer_then_the_gap_is_filled_later() -> None:
    world, source = watching("SPY"), TapedSource()
    source.history = {"SPY": [bar(-1)]}
    async with working(world, source):
        await until(lambda: "opened" in source.names())
        source.failures = [NotConnected("ALPACA_UNAVAILABLE", "down")]
        source.arriving.put_nowait(Connected())
        await until(lambda: source.names().count("bars SPY") == 2)


async def test_row_when_it_is_quarantined_then_it_is_counted_and_told_once_a_day_and_the_stream_goes_on() -> None:
    world, source = watching("SPY"), TapedSource()
    crossed = Quarantined("crossed", "{'bp': 2}", "SPY", no_market=True)
    source.history = {"SPY": [Quarantined("price above the moon", "{'c': 'NaN'}")]}
    source.latest = [crossed]
    async with working(world, source):
        for message in (crossed, bar(0)):
            source.arriving.put_nowait(message)
        await until(lambda: len(positions(world)) == 1)
    alerts = world.asked("raise_alert")
    assert [alert["p_code"] for alert in alerts] == ["DATA_QUOTE", "DATA_MALFORMED"]
    assert {alert["p_severity"] for alert in alerts} == {"warning"}
    assert found(world) == [("quote", "SPY"), ("malformed", ""), ("quote", "SPY")]
    names = [given["p_id"] for given in world.asked("record_findings")]
    assert len(set(names)) == len(names)


async def test_bar_when_it_is_a_spike_then_it_is_neither_stored_nor_published_and_its_place_is_passed() -> None:
    world, source = watching("SPY"), TapedSource()
    spike = bar(1).model_copy(update={"high": Decimal(300), "close": Decimal(290)})
    async with working(world, source):
        for message in (bar(0), spike, bar(2)):
            source.arriving.put_nowait(message)
        await until(lambda: len(positions(world)) == 3)
    ends = [each.ends_at.isoformat() for each in (bar(0), spike, bar(2))]
    assert [position for _, position in positions(world)] == ends
    assert [given["p_bars"][0]["ends_at"] for given in world.asked("record_market_data")] == [
        each.model_dump(mode="json")["ends_at"] for each in (bar(0), bar(2))
    ]
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(each).id] for each in (bar(0), bar(2))]
    assert found(world) == [("spike", "SPY"), ("gap", "SPY")]


async def test_bar_when_the_next_confirms_a_new_level_then_both_are_stored_and_published_in_order() -> None:
    world, source = watching("SPY"), TapedSource()
    prices = {"open": Decimal(120), "high": Decimal(121), "low": Decimal(119), "close": Decimal(120)}
    news = [bar(minute).model_copy(update=prices) for minute in (1, 2)]
    async with working(world, source):
        for message in (bar(0), *news):
            source.arriving.put_nowait(message)
        await until(lambda: news[1].ends_at.isoformat() in [position for _, position in positions(world)])
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(each).id] for each in (bar(0), *news)]
    assert found(world) == []


async def test_bar_when_a_split_of_the_day_is_on_record_then_its_first_price_passes_at_once_and_it_is_asked_once() -> (
    None
):
    split = {"kind": "split", "ex_date": "2026-01-05", "ratio": "2"}
    world = watching("SPY", corporate_actions_of=lambda said: [split] if said["p_until"] >= "2026-01-05" else [])
    world.clock.at = NOW + timedelta(days=4)
    source = TwoDays()
    prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(50))
    times = {"starts_at": NOW + timedelta(days=3), "ends_at": NOW + timedelta(days=3, minutes=1)}
    halved = bar(0).model_copy(update=times | prices)
    async with working(world, source):
        for message in (bar(0), bar(1), halved):
            source.arriving.put_nowait(message)
        await until(lambda: len(positions(world)) == 3)
    assert len(world.asked("record_market_data")) == 3
    assert [kind for kind, _ in found(world)] == ["gap"]
    asked = [said["p_until"] for said in world.asked("corporate_actions_of")]
    assert asked == ["2026-01-02", "2026-01-05"]


async def test_quote_and_bar_when_no_session_is_open_then_they_are_counted_and_not_kept() -> None:
    world, source = watching("SPY"), TapedSource()
    night = 60 * 8
    async with working(world, source):
        source.arriving.put_nowait(quote(night * 60))
        source.arriving.put_nowait(bar(night))
        await until(lambda: len(positions(world)) == 1)
    assert found(world) == [("session", "SPY"), ("session", "SPY")]
    assert world.asked("record_market_data") == []
    assert world.hot.get("quote:SPY") is None


async def test_findings_when_the_ledger_does_not_answer_then_they_are_counted_later_under_the_same_name() -> None:
    world, source = watching("SPY"), TapedSource()
    world.ledger.answers["record_findings"] = Turns(LedgerUnavailable("LEDGER_UNAVAILABLE", "down"), 1)
    async with working(world, source):
        source.arriving.put_nowait(Quarantined("crossed", "{}", "SPY", no_market=True))
        source.arriving.put_nowait(bar(0))
        await until(lambda: len(world.asked("raise_alert")) == 1)
    first, second = world.asked("record_findings")
    assert first == second


async def test_findings_when_the_ledger_refuses_them_then_the_stream_goes_on() -> None:
    world, source = watching("SPY", record_findings=LedgerRefused("BAD_FINDING", "Say what it is.", 422)), TapedSource()
    async with working(world, source):
        source.arriving.put_nowait(Quarantined("crossed", "{}", "SPY", no_market=True))
        source.arriving.put_nowait(bar(0))
        await until(lambda: len(positions(world)) == 1)
    assert len(world.asked("record_findings")) == 1


# --- a stream that says nothing ------------------------------------------------------------------------------------


def impatient(world: World) -> World:
    """In session, and a silence is long after a moment."""
    changed = {"stale_after": 0.02, "stale_poll_interval": 0.02}
    object.__setattr__(world.ports, "settings", world.ports.settings.model_copy(update=changed))
    world.clock.at = NOW + MINUTE * 5
    return world


def codes(world: World) -> list[str]:
    return [given["p_code"] for given in world.asked("raise_alert")]


async def test_stream_when_it_is_silent_and_rest_knows_more_then_it_is_asked_and_told_once_and_its_end_noted() -> None:
    world, source = impatient(watching("SPY")), TapedSource()
    source.now = NOW + MINUTE * 5
    ends: list[str] = []
    world.ledger.answers["latest_bar_end"] = lambda _: ends[-1] if ends else None

    def record(given: dict[str, Any]) -> int:
        ends.extend(row["ends_at"] for row in given["p_bars"])
        return 1

    world.ledger.answers["record_market_data"] = record
    async with working(world, source):
        await until(lambda: source.names().count("bars SPY") >= 2)
        assert codes(world) == []
        source.history = {"SPY": [bar(0)]}
        await until(lambda: len(world.asked("publish market-data-bars")) == 1)
        source.history = {"SPY": [bar(1)]}
        await until(lambda: "DATA_STALE" in codes(world))
        source.history = {"SPY": [bar(2)]}
        await until(lambda: len(world.asked("publish market-data-bars")) == 3)
        source.history = {}
        source.arriving.put_nowait(bar(3))
        await until(lambda: "DATA_STREAM_BACK" in codes(world))
        await until(lambda: len(world.asked("publish market-data-bars")) == 4)
    assert codes(world) == ["DATA_STALE", "DATA_STREAM_BACK"]
    assert ("stale", "SPY") in found(world)
    assert world.asked("publish market-data-bars") == [[BarCompleted.of(bar(minute)).id] for minute in range(4)]


async def test_stream_when_rest_does_not_answer_either_then_it_is_stale() -> None:
    world, source = impatient(watching("SPY")), TapedSource()
    async with working(world, source):
        await until(lambda: "bars SPY" in source.names())
        source.failures = [NotConnected("ALPACA_UNAVAILABLE", "down")] * 1000
        await until(lambda: "DATA_STALE" in codes(world))
    assert codes(world) == ["DATA_STALE"]


async def test_stream_when_it_is_silent_and_there_is_nothing_new_then_it_is_only_asked() -> None:
    world, source = impatient(watching("SPY")), TapedSource()
    async with working(world, source):
        await until(lambda: source.names().count("bars SPY") >= 4)
    assert codes(world) == []


async def test_stream_when_the_market_is_closed_then_silence_is_right() -> None:
    world, source = impatient(watching("SPY")), TapedSource()
    world.clock.at = NOW + timedelta(hours=9)
    looks: list[datetime] = []
    object.__setattr__(world.ports, "clock", world.clock)
    seen = world.clock.now

    def now() -> datetime:
        looks.append(seen())
        return looks[-1]

    world.clock.now = now  # type: ignore[method-assign]
    async with working(world, source):
        await until(lambda: len(looks) > 20)
    assert source.names().count("bars SPY") == 1


async def test_symbols_when_they_change_then_the_old_stream_is_closed_before_the_new_one_is_opened() -> None:
    world, source = watching("SPY"), TapedSource()
    async with working(world, source):
        await until(lambda: "opened" in source.names())
        world.ledger.answers["watched_symbols"] = {"symbols": ["IWM", "SPY"], "left_out": []}
        await until(lambda: source.names().count("opened") == 2)
        world.ledger.answers["watched_symbols"] = {"symbols": [], "left_out": []}
        await until(lambda: source.names().count("closed") == 2)
    streams = [(name, given) for name, given in source.log if name in ("opened", "closed")]
    assert streams == [
        ("opened", ["SPY"]),
        ("closed", ["SPY"]),
        ("opened", ["IWM", "SPY"]),
        ("closed", ["IWM", "SPY"]),
    ]


async def test_symbols_when_the_ledger_does_not_answer_then_the_stream_goes_on() -> None:
    world, source = watching("SPY"), TapedSource()
    async with working(world, source):
        await until(lambda: "opened" in source.names())
        world.ledger.answers["watched_symbols"] = LedgerUnavailable("LEDGER_UNAVAILABLE", "down")
        source.arriving.put_nowait(bar(0))
        await until(lambda: len(positions(world)) == 1)
    assert source.names().count("opened") == 1


async def test_worker_when_another_holds_the_lease_then_it_waits_and_takes_over_when_it_is_given_back() -> None:
    world, source = watching("SPY"), TapedSource()
    world.hot.memory.acquire(LEASE, "another", 60)
    async with working(world, source):
        await until(lambda: world.hot.refused >= 2)
        assert source.log == []
        world.hot.memory.release(LEASE, "another")
        await until(lambda: "opened" in source.names())


async def test_worker_when_the_lease_is_lost_then_its_stream_is_closed() -> None:
    world, source = watching("SPY"), TapedSource()
    async with working(world, source):
        await until(lambda: "opened" in source.names())
        world.hot.memory._leases.clear()
        world.hot.memory.acquire(LEASE, "another", 60)
        await until(lambda: "closed" in source.names())
        assert world.hot.memory.acquire(LEASE, "another", 60) is not None


async def test_worker_when_stopped_then_stream_and_lease_are_given_back() -> None:
    world, source = watching("SPY"), TapedSource()
    async with working(world, source):
        await until(lambda: "opened" in source.names())
    assert source.names()[-1] == "closed"
    assert world.hot.memory.sizes()["leases"] == 0
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_worker_when_the_keys_are_refused_then_it_ends_so_that_its_supervisor_sees_it() -> None:
    world, source = watching("SPY"), TapedSource()
    stop = asyncio.Event()
    worker = MarketDataWorker(world.ports, MarketDataLedger(world.ledger), source)
    source.arriving.put_nowait(BadCredentials("BAD_KEYS", "enter them again"))
    with pytest.raises(BadCredentials):
        await asyncio.wait_for(worker.run(stop), 10)
    assert world.hot.memory.sizes()["leases"] == 0


async def test_calendar_when_the_worker_begins_then_it_is_stored_around_the_brokers_own_day() -> None:
    world, source = watching(), TapedSource()
    async with working(world, source):
        await until(lambda: len(world.asked("upsert_calendar")) == 1)
    assert source.log[0] == ("calendar", (date(2025, 12, 19), date(2026, 3, 3)))
    (given,) = world.asked("upsert_calendar")
    assert given["p_source"] == "iex"
    assert given["p_sessions"] == [
        {"date": "2026-01-02", "opens_at": "2026-01-02T14:30:00+00:00", "closes_at": "2026-01-02T21:00:00+00:00"}
    ]
