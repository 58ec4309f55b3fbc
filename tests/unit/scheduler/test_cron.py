"""When cron expressions are due, on days when clocks change above all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import Misconfigured
from local.scheduler.cron import Cron

NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        (Cron("* * * * *", "UTC"), "2018-01-03 14:30:00", "2018-01-03 14:31:00"),
        (Cron("* * * * *", "UTC"), "2018-01-03 14:30:59.999999", "2018-01-03 14:31:00"),
        (Cron("5 3 * * *", NEW_YORK), "2018-01-03 00:00:00", "2018-01-03 08:05:00"),
        (Cron("5 3 * * *", NEW_YORK), "2018-07-03 00:00:00", "2018-07-03 07:05:00"),
        (Cron("*/5 13-18 * * 1-5", NEW_YORK), "2018-01-05 23:55:00", "2018-01-08 18:00:00"),
        (Cron("0 0 29 2 *", "UTC"), "2021-01-01 00:00:00", "2024-02-29 00:00:00"),
        # Clocks go forward from 02:00 to 03:00 EDT (07:00 UTC) on 2018-03-11: 02:30 does not exist.
        (Cron("30 2 * * *", NEW_YORK), "2018-03-11 05:00:00", "2018-03-11 07:30:00"),
        (Cron("30 2 * * *", NEW_YORK), "2018-03-11 07:30:00", "2018-03-12 06:30:00"),
        # Clocks go back from 02:00 to 01:00 EST (06:00 UTC) on 2018-11-04: 01:30 comes twice.
        (Cron("30 1 * * *", NEW_YORK), "2018-11-04 00:00:00", "2018-11-04 05:30:00"),
        (Cron("30 1 * * *", NEW_YORK), "2018-11-04 05:30:00", "2018-11-05 06:30:00"),
        (Cron("30 * * * *", NEW_YORK), "2018-11-04 05:30:00", "2018-11-04 06:30:00"),
        (Cron("30 * * * *", NEW_YORK), "2018-03-11 06:30:00", "2018-03-11 07:30:00"),
    ],
)
def test_next_after_when_asked_then_the_first_due_time_later(cron: Cron, after: str, expected: str) -> None:
    assert cron.next_after(utc(after)) == utc(expected)


def test_latest_between_when_a_weekend_lies_between_then_fridays_last() -> None:
    cron = Cron("*/5 13-18 * * 1-5", NEW_YORK)
    assert cron.latest_between(utc("2018-01-05 12:00"), utc("2018-01-08 14:00")) == utc("2018-01-05 23:55")


def test_latest_between_when_nothing_was_due_then_none() -> None:
    cron = Cron("5 3 * * *", NEW_YORK)
    assert cron.latest_between(utc("2018-01-03 08:05"), utc("2018-01-04 08:04:59")) is None
    assert cron.latest_between(utc("2018-01-03 08:05"), utc("2018-01-03 08:05")) is None


def test_latest_between_when_the_end_is_due_then_the_end_counts_and_the_start_does_not() -> None:
    cron = Cron("5 3 * * *", NEW_YORK)
    assert cron.latest_between(utc("2018-01-03 08:05"), utc("2018-01-04 08:05")) == utc("2018-01-04 08:05")


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "* * * * * *", "@daily", "60 * * * *", "0 0 31 2 *", "x * * * *"]
)
def test_cron_when_the_expression_makes_no_sense_then_misconfigured(expression: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Cron(expression, "UTC")
    assert caught.value.code == "BAD_CRON"


@pytest.mark.parametrize("zone", ["", "New York", "../etc/passwd", "America/Nowhere"])
def test_cron_when_the_time_zone_is_unknown_then_misconfigured(zone: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Cron("* * * * *", zone)
    assert caught.value.code == "BAD_TIME_ZONE"


def test_next_after_when_the_moment_is_naive_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Cron("* * * * *", "UTC").next_after(datetime(2018, 1, 3))  # noqa: DTZ001 - that is the point


ZONES = st.sampled_from([NEW_YORK, "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
# Around the days on which clocks change somewhere in 2018, and any other day.
MOMENTS = st.one_of(
    st.sampled_from(["2018-03-11", "2018-11-04", "2018-03-25", "2018-10-28", "2018-03-31", "2018-10-06"]).flatmap(
        lambda day: st.integers(-1440, 2880).map(lambda minutes: utc(day) + timedelta(minutes=minutes))
    ),
    st.integers(0, 365 * 1440).map(lambda minutes: utc("2018-01-01") + timedelta(minutes=minutes, seconds=43)),
)


@settings(deadline=None)
@given(ZONES, MOMENTS, st.integers(0, 400), st.sampled_from(["* * * * *", "*/7 * * * *", "30 */2 * * *"]))
def test_between_when_the_hours_run_through_then_it_is_each_minute_whose_local_time_matches(
    zone: str, after: datetime, length: int, expression: str
) -> None:
    minute_field, hour_field = expression.split()[:2]
    steps = {"*": 1, "*/7": 7, "*/2": 2}

    def matches(moment: datetime) -> bool:
        local = moment.astimezone(ZoneInfo(zone))
        in_minute = local.minute == 30 if minute_field == "30" else local.minute % steps[minute_field] == 0
        return in_minute and local.hour % steps[hour_field] == 0

    until = after + timedelta(minutes=length)
    first = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    minutes = [first + timedelta(minutes=n) for n in range(length + 1)]
    expected = [moment for moment in minutes if moment <= until and matches(moment)]
    assert Cron(expression, zone).between(after, until) == expected


@settings(deadline=None)
@given(ZONES, MOMENTS, st.integers(0, 23), st.integers(0, 59))
def test_between_when_the_hour_is_fixed_then_every_local_day_has_exactly_one(
    zone: str, start: datetime, hour: int, minute: int
) -> None:
    due = Cron(f"{minute} {hour} * * *", zone).between(start, start + timedelta(days=6))
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in due]
    assert days == sorted(set(days))
    assert 5 <= len(days) <= 7
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


@settings(deadline=None)
@given(ZONES, MOMENTS, st.sampled_from(["*/5 13-18 * * 1-5", "0 0 1 * *", "30 1 * * *", "30 2 * * *", "* * * * *"]))
def test_next_after_when_found_then_nothing_is_due_between_and_it_is_the_latest_there(
    zone: str, moment: datetime, expression: str
) -> None:
    cron = Cron(expression, zone)
    found = cron.next_after(moment)
    assert cron.between(moment, found) == [found]
    assert cron.latest_between(moment, found) == found
    assert cron.latest_between(moment, found - timedelta(microseconds=1)) is None
