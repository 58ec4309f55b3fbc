"""cron.*: schedules are checked, due jobs run once per slot, and each run leaves its record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput
from local.webhooks.schedule import slot


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("* * * * *", "2026-03-02 10:15:42", "2026-03-02 10:15:00"),
        ("*/5 13-18 * * 1-5", "2026-03-02 13:10:00", "2026-03-02 13:10:00"),
        ("*/5 13-18 * * 1-5", "2026-03-02 13:11:00", None),
        ("*/5 13-18 * * 1-5", "2026-03-01 13:10:00", None),
        ("0 0 $ * *", "2028-02-29 00:00:30", "2028-02-29 00:00:00"),
        ("0 0 $ * *", "2028-02-28 00:00:30", None),
        ("0 0 1 * sun", "2026-03-08 00:00:00", "2026-03-08 00:00:00"),
        ("10 seconds", "2026-03-02 10:15:42", "2026-03-02 10:15:40"),
        ("1 second", "2026-03-02 10:15:42.9", "2026-03-02 10:15:42"),
    ],
)
def test_slot_when_asked_then_due_or_not(schedule: str, now: str, due: str | None) -> None:
    assert slot(schedule, _at(now)) == (None if due is None else _at(due))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(1, 59))  # noqa: DTZ001 - made aware below
def test_slot_when_interval_then_now_lies_in_it(moment: datetime, seconds: int) -> None:
    now = moment.replace(tzinfo=UTC)
    found = slot(f"{seconds} seconds", now)
    assert found is not None
    assert found <= now < found + timedelta(seconds=seconds)
    assert slot(f"{seconds} seconds", found) == found


_INVALID = [
    *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a b c d e"),
    *("5-1 * * * *", "*/0 * * * *", "0 seconds", "60 seconds", "* * * foo *", "1,,2 * * * *"),
]
_VALID = ["* * * * *", "*/5 13-18 * * 1-5", "0 0 $ * *", "1,2,30-40/3 * * jan-mar mon,fri", "59 seconds", "1 second"]


@pytest.mark.parametrize("schedule", _INVALID)
def test_schedule_when_invalid_then_refused_here_and_in_the_database(database: Any, schedule: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="invalid schedule"):
        database.rows("select cron.schedule('bad', %s, 'select 1')", schedule)
    if schedule not in {"5-1 * * * *", "1,,2 * * * *"}:  # croniter is laxer; the database's check comes first
        with pytest.raises(BadInput):
            slot(schedule, _at("2026-03-02 10:15:00"))


@pytest.mark.parametrize("schedule", _VALID)
def test_schedule_when_valid_then_accepted_by_both(database: Any, schedule: str) -> None:
    assert database.value("select cron.schedule('good', %s, 'select 1')", schedule) is not None
    slot(schedule, _at("2026-03-02 10:15:00"))


def test_schedule_when_name_is_used_again_then_job_is_replaced(database: Any) -> None:
    first = database.value("select cron.schedule('job', '* * * * *', 'select 1')")
    assert database.value("select cron.schedule('job', '5 * * * *', 'select 2')") == first
    assert database.rows("select schedule, command from cron.job") == [("5 * * * *", "select 2")]


def test_unschedule_when_job_is_unknown_then_error_names_it(database: Any) -> None:
    job = database.value("select cron.schedule('* * * * *', 'select 1')")
    assert database.value("select cron.unschedule(%s::bigint)", job) is True
    with pytest.raises(psycopg.errors.NoDataFound, match="no-such-job"):
        database.rows("select cron.unschedule('no-such-job')")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_schedule_when_called_by_an_api_role_then_denied(database: Any, role: str) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select cron.schedule('* * * * *', 'select 1')")


def test_job_when_due_then_runs_and_is_recorded(worker: Any, database: Any, eventually: Callable[..., None]) -> None:
    database.rows("create table if not exists ticks (at timestamptz default now()); truncate ticks")
    job = database.value(
        "select cron.schedule('tick', '1 second', 'insert into ticks default values; select count(*) from ticks')"
    )
    succeeded = "select count(*) from cron.job_run_details where jobid = %s and status = 'succeeded'"
    eventually(lambda: database.value(succeeded, job) >= 2)
    database.rows("select cron.unschedule('tick')")
    run = database.rows(
        "select username, command, start_time <= end_time, job_pid > 0, return_message"
        " from cron.job_run_details where status = 'succeeded' limit 1"
    )
    assert run == [
        ("postgres", "insert into ticks default values; select count(*) from ticks", True, True, "INSERT 0 1")
    ]


def test_job_when_its_sql_fails_then_recorded_and_the_others_run(
    worker: Any, database: Any, eventually: Callable[..., None]
) -> None:
    bad = database.value("select cron.schedule('bad', '1 second', 'select 1/0')")
    good = database.value("select cron.schedule('good', '1 second', 'select 1')")
    status = "select count(*) from cron.job_run_details where jobid = %s and status = %s"
    eventually(lambda: database.value(status, bad, "failed") > 0 and database.value(status, good, "succeeded") > 0)
    message = database.value("select return_message from cron.job_run_details where jobid = %s limit 1", bad)
    assert "division by zero" in str(message)


def test_job_when_scheduled_by_a_lesser_role_then_runs_with_its_rights(
    worker: Any, database: Any, eventually: Callable[..., None]
) -> None:
    database.rows("create table if not exists forbidden (id int)")
    job = database.value(
        "insert into cron.job (schedule, command, username)"
        " values ('1 second', 'insert into forbidden values (1)', 'authenticated') returning jobid"
    )
    denied = (
        "select count(*) from cron.job_run_details where jobid = %s and return_message like '%%permission denied%%'"
    )
    eventually(lambda: database.value(denied, job) > 0)
    assert database.value("select count(*) from forbidden") == 0


def test_job_when_inactive_then_never_runs(worker: Any, database: Any, eventually: Callable[..., None]) -> None:
    silent = database.value("select cron.schedule('silent', '1 second', 'select 1')")
    database.rows("select cron.alter_job(%s, active => false)", silent)
    witness = database.value("select cron.schedule('witness', '1 second', 'select 1')")
    ran = "select count(*) from cron.job_run_details where jobid = %s"
    before = database.value(ran, silent)
    eventually(lambda: database.value(ran, witness) >= 2)
    assert database.value(ran, silent) == before
