"""Which scheduled functions are due at a tick of somebody else's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from functions.core.errors import BadInput, Refused
from functions.core.wiring import Wiring, wiring
from local.scheduler.jobs import Ticker, jobs_of

TABLE = Wiring.model_validate(
    {
        "defaults": {"memory": "256Mi", "timeout": "60s", "concurrency": 1, "min_instances": 0, "max_instances": 1},
        "topics": {},
        "functions": {
            "nightly": {
                "in": "ingest",
                "trigger": {"schedule": {"cron": "5 3 * * *", "time_zone": "America/New_York"}},
            },
            "hook": {"in": "relay", "trigger": {"webhook": "outbox"}},
            "minutely": {
                "in": "risk",
                "timeout": "9s",
                "trigger": {"schedule": {"cron": "* * * * *", "time_zone": "UTC"}},
            },
        },
    }
)
MIDNIGHT = datetime(2018, 1, 3, tzinfo=UTC)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return MIDNIGHT.replace(hour=hour, minute=minute, second=second)


def due(ticker: Ticker, now: datetime, since: datetime | None = None) -> list[tuple[str, datetime]]:
    return [(run.job.function, run.scheduled_at) for run in ticker.due(now, since)]


def test_jobs_of_when_read_then_only_schedules_in_the_tables_order_with_their_timeouts() -> None:
    assert [(job.function, job.timeout) for job in jobs_of(TABLE)] == [("nightly", 60.0), ("minutely", 9.0)]


def test_jobs_of_when_given_the_projects_own_table_then_every_schedule_is_valid() -> None:
    assert "daily_pnl" in [job.function for job in jobs_of(wiring())]


def test_due_when_it_is_the_first_tick_then_the_minute_before_counts() -> None:
    assert due(Ticker(jobs_of(TABLE)), at(12, 0, 30)) == [("minutely", at(12))]


def test_due_when_much_time_has_passed_then_each_job_runs_once_for_its_latest_time() -> None:
    ticker = Ticker(jobs_of(TABLE))
    ticker.due(at(0))
    assert due(ticker, at(12, 0, 30)) == [("nightly", at(8, 5)), ("minutely", at(12))]


def test_due_when_the_same_moment_is_ticked_again_then_nothing_is_due() -> None:
    ticker = Ticker(jobs_of(TABLE))
    ticker.due(at(12))
    assert due(ticker, at(12)) == []


def test_due_when_ticks_follow_each_other_then_every_minute_is_run_exactly_once() -> None:
    ticker = Ticker(jobs_of(TABLE))
    seen = [
        when
        for n in range(0, 1800, 47)
        for name, when in due(ticker, at(12) + timedelta(seconds=n))
        if name == "minutely"
    ]
    assert seen == [at(12, n) for n in range(len(seen))]


def test_due_when_the_clock_goes_back_then_refused_unless_since_says_so() -> None:
    ticker = Ticker(jobs_of(TABLE))
    ticker.due(at(12))
    with pytest.raises(Refused) as caught:
        ticker.due(at(11))
    assert caught.value.code == "CLOCK_WENT_BACK"
    assert due(ticker, at(11), since=at(10, 59)) == [("minutely", at(11))]
    assert due(ticker, at(11, 1)) == [("minutely", at(11, 1))]


def test_named_when_a_function_has_no_schedule_then_bad_input() -> None:
    ticker = Ticker(jobs_of(TABLE))
    assert [run.job.function for run in ticker.named(["minutely", "nightly"], at(1))] == ["minutely", "nightly"]
    with pytest.raises(BadInput):
        ticker.named(["hook"], at(1))
