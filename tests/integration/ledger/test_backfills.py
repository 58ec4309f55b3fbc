"""Backfills: chunk by chunk, each bar once, gone on with where it was, whatever killed it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count, product
from string import ascii_uppercase
from typing import Any, cast
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from functions.brokers.errors import NotConnected
from functions.brokers.markets import CorporateAction, Listing, MarketClock
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.events import BarData
from functions.core.history.reading import history
from functions.core.instruments import instrument
from functions.core.ledger.deciding import DecisionLedger
from functions.core.market_calendar import Session
from functions.core.ports import Ports
from functions.ingest.backfill_gate import QualityGate
from functions.ingest.backfilling import Backfiller, wait_for_source
from functions.strategy.bars import Bars, Timeframe
from functions.strategy.evaluate import evaluate
from functions.strategy.gathering import MarketReader
from functions.strategy.interface import Columns, Moment, Stay, Strategy, StrategyConfig
from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Direct, Ledger, refused
from tests.integration.ledger.market import bar
from tests.unit.core.doubles import World

NOW = datetime(2018, 2, 7, 15, tzinfo=UTC)
FROM, UNTIL = datetime(2017, 10, 15, tzinfo=UTC), datetime(2018, 2, 1, tzinfo=UTC)
_names = product(ascii_uppercase, repeat=2)


class Killed(BaseException):
    """The process is gone."""


class Struck(Direct):
    """A transport that dies before or after its nth call."""

    def __init__(self, ledger: Ledger, at: int | None, *, before: bool = True) -> None:
        super().__init__(ledger, "fn_ingest")
        object.__setattr__(self, "calls", count(1))
        object.__setattr__(self, "strike", (at, before))

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        at, before = self.strike  # type: ignore[attr-defined]
        number = next(self.calls)  # type: ignore[attr-defined]
        if number == at and before:
            raise Killed
        answer = super().call(function, arguments)
        if number == at:
            raise Killed
        return answer


class Source:
    """A feed with three bars on every tenth day, told doubled and out of order; it may fail."""

    feed = "test"

    def __init__(self, symbol: str, failures: list[Exception] | None = None) -> None:
        self.symbol, self.failures, self.asked = symbol, failures or [], 0

    async def clock(self) -> MarketClock:
        return MarketClock(now=NOW, is_open=True)

    async def listing(self, symbol: str) -> Listing | None:
        if symbol != self.symbol:
            return None
        return Listing(instrument=instrument(symbol), name=symbol, tradable=True, lot=Decimal(1))

    async def calendar(self, start: date, end: date) -> list[Session]:
        session = Session.in_new_york(date(2017, 12, 14), closes=time(9, 8), opens=time(9))
        return [session] if start <= session.date <= end else []

    async def corporate_actions(self, symbol: str, start: date, end: date) -> list[CorporateAction | Quarantined]:
        return []

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        told = [one for one in expected(symbol) if start <= one.starts_at <= end]
        return [*reversed(told), *told, Quarantined("no price", "{}")]


def expected(symbol: str) -> list[BarData]:
    days = [FROM + timedelta(days=10 * n, hours=14) for n in range(12)] + [datetime(2017, 12, 1, tzinfo=UTC)]
    times = sorted(day + timedelta(minutes=minute) for day in days for minute in (0, 1, 3))
    flat = {"open": "11", "high": "11", "low": "11"}
    return [BarData.model_validate(bar(at, symbol, **flat)) for at in times if FROM <= at < NOW]


class Asked:
    """One share's backfill."""

    def __init__(self, ledger: Ledger, user: UUID | None = None) -> None:
        self.ledger, self.world = ledger, World()
        self.world.clock.at = NOW
        self.symbol = "BACK" + "".join(next(_names))
        self.id = self.ask(user)

    def ask(self, user: UUID | None = None, until: datetime = UNTIL) -> UUID:
        if user is None:
            ask = "select public.request_backfill(%s, %s, %s)"
            return cast("UUID", self.ledger.one(ask, self.symbol, FROM, until))
        given = {"p_symbol": self.symbol, "p_from": FROM, "p_to": until}
        return cast("UUID", self.ledger.call("request_backfill", "authenticated", user, **given))

    def cancel(self) -> None:
        self.ledger.run("select public.cancel_backfill(%s)", self.id)

    def reach(self, at: int | None = None, *, before: bool = True) -> Ports:
        made = self.world.ports
        transport = Struck(self.ledger, at, before=before)
        return Ports(made.settings, transport, made.bus, made.hot, made.clock, made.archive)

    def backfiller(self, source: Source | None = None, reach: Ports | None = None) -> Backfiller:
        return Backfiller(reach or self.reach(), cast("MarketData", source or Source(self.symbol)))

    def row(self, *columns: str) -> tuple[Any, ...]:
        query = f"select {', '.join(columns)} from public.backfills where id = %s"  # noqa: S608 - columns of this file
        return self.ledger.rows(query, self.id)[0]

    def read(self) -> list[datetime]:
        found = history(self.reach(), self.symbol, "1Min", FROM, UNTIL)
        return [one.starts_at for one in found]


@pytest.fixture
def keeping(ledger: Ledger) -> Iterator[Ledger]:
    """Postgres keeps December and later; nothing else is under way."""
    ledger.run("update private.settings set value = '3' where name = 'bars_keep_months'")
    ledger.run(
        "update public.backfills set status = 'canceled', finished_at = now() where status in ('queued', 'running')"
    )
    yield ledger
    ledger.run("update private.settings set value = '60' where name = 'bars_keep_months'")


async def test_backfill_when_run_then_old_months_are_archived_kept_ones_stored_and_each_bar_is_there_once(
    keeping: Ledger,
) -> None:
    asked = Asked(keeping)
    assert await asked.backfiller().work() == 4, "one chunk a month"
    assert asked.read() == [one.starts_at for one in expected(asked.symbol) if one.starts_at < UNTIL]
    assert sorted(key[-15:-8] for key in asked.world.archive.objects) == ["2017-10", "2017-11"]
    stored = keeping.one("select min(starts_at) from public.bars where symbol = %s", asked.symbol)
    assert stored == datetime(2017, 12, 1, tzinfo=UTC)
    bars = len(asked.read())
    assert asked.row("status", "bars", "findings", "cursor_at") == ("done", bars, bars + 4, UNTIL)
    assert await asked.backfiller().work() == 0


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_backfill_when_killed_at_any_step_then_it_ends_with_the_same_bars_counted_once(
    keeping: Ledger, before: bool
) -> None:
    whole = Asked(keeping)
    counted = whole.reach()
    await whole.backfiller(reach=counted).work()
    steps = next(counted.ledger.calls)  # type: ignore[attr-defined]
    assert steps > 12
    for step in range(1, steps):
        asked = Asked(keeping)
        with pytest.raises(Killed):
            await asked.backfiller(reach=asked.reach(step, before=before)).work()
        await asked.backfiller().work()
        assert asked.read() == whole.read(), step
        assert asked.row("status", "bars", "findings") == whole.row("status", "bars", "findings"), step


async def test_backfill_when_the_feed_does_not_answer_then_it_waits_and_goes_on_from_its_cursor(
    keeping: Ledger,
) -> None:
    asked = Asked(keeping)
    source = Source(asked.symbol)
    await asked.backfiller(source).work(seconds=0)
    source.failures = [NotConnected("DOWN", "no answer")]
    assert await asked.backfiller(source).work() == 0
    status, attempts, error, waits = asked.row(
        "status", "attempts", "last_error", "next_attempt_at > clock_timestamp()"
    )
    assert (status, attempts, error, waits) == ("running", 1, "DOWN: no answer", True)
    assert await asked.backfiller(source).work() == 0, "not before its time"
    keeping.run("update public.backfills set next_attempt_at = now() where id = %s", asked.id)
    assert await asked.backfiller(source).work() == 4
    assert asked.row("status", "attempts", "last_error") == ("done", 0, None)


async def test_backfill_when_it_passes_the_quality_gate_then_session_minutes_alone_are_stored_and_findings_counted(
    keeping: Ledger,
) -> None:
    asked = Asked(keeping)
    source = cast("MarketData", Source(asked.symbol))
    reach = asked.reach()
    await Backfiller(reach, source, QualityGate(reach, source)).work()
    trading = [one.starts_at for one in expected(asked.symbol) if one.starts_at.day == 14 and one.starts_at.month == 12]
    assert asked.read() == trading, "the only session that the calendar knows of"
    assert asked.row("status", "bars") == ("done", len(trading))
    kinds = "select distinct kind from public.data_findings where symbol = %s order by kind"
    assert {"duplicate", "malformed", "session"} <= {kind for (kind,) in keeping.rows(kinds, asked.symbol)}


async def test_backfill_when_nobody_has_a_data_credential_then_its_row_says_so_and_it_waits(keeping: Ledger) -> None:
    asked = Asked(keeping)
    wait_for_source(asked.reach())
    status, error = asked.row("status", "last_error")
    assert (status, error.partition(":")[0]) == ("running", "NO_DATA_CREDENTIALS")
    assert not keeping.call("backfills_due", "fn_ingest", p_now=NOW)


async def test_backfill_when_the_share_is_not_listed_then_it_fails_and_says_so(keeping: Ledger) -> None:
    asked = Asked(keeping)
    await asked.backfiller(Source("ANOTHER")).work()
    status, error = asked.row("status", "last_error")
    assert status == "failed"
    assert error.startswith("UNKNOWN_SYMBOL")
    alerts = "select count(*) from public.alerts where code = 'BACKFILL_FAILED' and numbers ->> 'symbol' = %s"
    assert keeping.one(alerts, asked.symbol) == 1


async def test_backfill_when_it_ends_in_the_future_then_what_is_over_comes_now_and_the_rest_later(
    keeping: Ledger,
) -> None:
    asked = Asked(keeping)
    asked.cancel()
    asked.id = asked.ask(until=NOW + timedelta(days=1))
    await asked.backfiller().work()
    assert asked.row("status", "cursor_at") == ("running", NOW - timedelta(minutes=2))
    asked.world.clock.at = NOW + timedelta(days=2)
    await asked.backfiller().work()
    assert asked.row("status", "cursor_at") == ("done", NOW + timedelta(days=1))


async def test_backfill_when_canceled_at_work_then_nothing_more_is_asked_for(keeping: Ledger) -> None:
    asked = Asked(keeping)
    source = Source(asked.symbol)
    told = source.bars

    async def bars(symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        asked.cancel()
        return await told(symbol, start, end)

    source.bars = bars  # type: ignore[method-assign]
    await asked.backfiller(source).work()
    assert (source.asked, *asked.row("status", "bars")) == (1, "canceled", 0)


def test_backfill_when_another_process_is_at_it_then_it_is_not_claimed_until_its_lease_is_over(keeping: Ledger) -> None:
    asked = Asked(keeping)
    claim = {"p_now": NOW, "p_lease_seconds": 60}
    assert keeping.call("claim_backfill", "fn_ingest", p_owner="one", **claim)["id"] == str(asked.id)
    other = asked.ask(until=NOW - timedelta(days=1))
    assert keeping.call("claim_backfill", "fn_ingest", p_owner="two", **claim) is None, "nor another of the same share"
    keeping.run("select public.cancel_backfill(%s)", other)
    keeping.run("update public.backfills set claimed_until = now() - interval '1 second' where id = %s", asked.id)
    assert keeping.call("claim_backfill", "fn_ingest", p_owner="two", **claim) is not None
    chunk = {"p_id": asked.id, "p_owner": "one", "p_cursor": UNTIL, "p_bars": 9, "p_findings": 0}
    assert keeping.call("advance_backfill", "fn_ingest", **chunk) != "running"
    assert asked.row("bars") == (0,)


def test_request_when_made_again_then_it_is_the_same_and_a_user_has_so_many_at_once(keeping: Ledger) -> None:
    user = new_user(keeping)
    asked = Asked(keeping, user)
    assert asked.ask(user) == asked.id
    keeping.run("update private.settings set value = '1' where name = 'open_backfills'")
    with refused("TOO_MANY_BACKFILLS", 409):
        asked.ask(user, NOW)
    keeping.run("update private.settings set value = '20' where name = 'open_backfills'")
    with refused("NO_BACKFILL", 404):
        keeping.call("cancel_backfill", "authenticated", new_user(keeping), p_id=asked.id)
    assert keeping.call("cancel_backfill", "authenticated", user, p_id=asked.id) == "canceled"
    with refused("BACKFILL_IS_FIXED", 409):
        keeping.run("update public.backfills set status = 'queued', finished_at = null where id = %s", asked.id)


def test_request_when_asked_and_canceled_on_and_on_then_it_ends(keeping: Ledger) -> None:
    user = new_user(keeping)
    keeping.run("update private.settings set value = '1' where name = 'open_backfills'")
    for _ in range(10):
        keeping.call("cancel_backfill", "authenticated", user, p_id=Asked(keeping, user).id)
    with refused("TOO_MANY_BACKFILLS", 429):
        Asked(keeping, user)


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_symbol": "spy"},
        {"p_symbol": None},
        {"p_from": UNTIL},
        {"p_from": None},
        {"p_from": datetime(1980, 1, 1, tzinfo=UTC)},
        {"p_to": "infinity"},
        {"p_to": datetime(2098, 1, 1, tzinfo=UTC)},
        {"p_timeframe": "1Day"},
    ],
    ids=str,
)
def test_request_when_it_makes_no_sense_then_it_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    given = {"p_symbol": "SPY", "p_from": FROM, "p_to": UNTIL, "p_timeframe": "1Min"} | wrong
    with refused("BAD_BACKFILL", 422):
        ledger.call("request_backfill", "authenticated", new_user(ledger), **given)


def test_warm_up_when_bars_are_missing_then_sessions_enough_for_them_are_asked_for(keeping: Ledger) -> None:
    missing = [
        {"symbol": "WARM", "timeframe": "1Min", "needed": 30, "stored": 10},
        {"symbol": "WARM", "timeframe": "1Day", "needed": 20, "stored": 0},
        {"symbol": "HOT", "timeframe": "1Min", "needed": 30, "stored": 30},
    ]
    ask = "select private.request_warm_up(null, %s, %s)"
    assert [keeping.one(ask, Jsonb(missing), NOW) for _ in range(2)] == [1, 1]
    found = keeping.rows("select symbol, starts_at, ends_at from public.backfills where symbol in ('WARM', 'HOT')")
    assert found == [("WARM", datetime(2017, 12, 27, tzinfo=UTC), NOW)]


SESSIONS = [Session.in_new_york(date(2018, 1, day)) for day in (22, 23, 24, 25, 26, 29, 30)]
SESSIONS += [Session.in_new_york(date(2018, 1, 31), closes=time(13))]


class Trading(Source):
    """A share that trades every third minute of some sessions, the last of them a half day."""

    async def calendar(self, start: date, end: date) -> list[Session]:
        return [one for one in SESSIONS if start <= one.date <= end]

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        times = [
            one.opens_at + minute * timedelta(minutes=1)
            for one in SESSIONS
            for minute in range(0, (one.closes_at - one.opens_at) // timedelta(minutes=1), 3)
        ]
        # The day's number is the price: a daily bar shows which one it is.
        told = [bar(at, symbol, **dict.fromkeys(("open", "high", "low", "close"), str(at.day))) for at in times]
        return [BarData.model_validate(one) for one in told if start <= datetime.fromisoformat(one["starts_at"]) <= end]


async def test_backfill_when_postgres_keeps_the_month_then_longer_bars_are_there_and_a_strategy_looks_at_them(
    keeping: Ledger,
) -> None:
    asked = Asked(keeping)
    source = cast("MarketData", Trading(asked.symbol))
    reach = asked.reach()
    await Backfiller(reach, source, QualityGate(reach, source)).work()
    count = "select timeframe, count(*)::integer from public.bars where symbol = %s group by 1 order by 1"
    # Of the last session what its newest minute, two before the close, shows to be over.
    assert dict(keeping.rows(count, asked.symbol)) == {
        "1Min": 7 * 130 + 70, "5Min": 7 * 78 + 41, "15Min": 7 * 26 + 13, "1Hour": 7 * 7 + 3, "1Day": 7,
    }  # fmt: skip
    until = SESSIONS[-1].opens_at + timedelta(minutes=4)
    reader = MarketReader(DecisionLedger(Direct(keeping, "fn_strategy")), until)
    strategy = Looking(Looking.Config(), (asked.symbol,))
    bars = reader.bars(asked.symbol, "1Min", 1)
    decision = evaluate(strategy, bars, market=reader.market(asked.symbol, strategy.inputs(), 1, until))
    assert decision.reason == "26, 29, 30"


class Looking(Strategy):
    """Says the closes of the last three days."""

    kind = "looking"
    title = "Looking"

    class Config(StrategyConfig):
        """Nothing beside what every strategy has."""

    def warm_up(self) -> int:
        return 1

    def context(self) -> dict[Timeframe, int]:
        return {"1Day": 3}

    def indicators(self, bars: Bars) -> Columns:
        return {}

    def on_bar(self, now: Moment) -> list[Stay]:
        return [Stay(", ".join(str(close // 10_000) for close in now.context["1Day"].close))]
