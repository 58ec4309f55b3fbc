"""Sessions: opens, closes, half days, daylight saving."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from functions.core.errors import BadInput
from functions.core.market_calendar import Calendar, Session, exchange_date, exchange_time

WINTER = Session.in_new_york(date(2026, 1, 5))
SUMMER = Session.in_new_york(date(2026, 7, 6))
HALF_DAY = Session.in_new_york(date(2026, 11, 27), closes=time(13, 0))


def test_session_when_given_by_the_wall_clock_then_daylight_saving_is_applied() -> None:
    assert WINTER.opens_at == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert SUMMER.opens_at == datetime(2026, 7, 6, 13, 30, tzinfo=UTC)
    assert WINTER.opens_at.tzinfo is UTC


@pytest.mark.parametrize(("session", "half"), [(WINTER, False), (SUMMER, False), (HALF_DAY, True)])
def test_session_when_it_closes_before_four_then_it_is_a_half_day(session: Session, half: bool) -> None:
    assert session.is_half_day is half


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (HALF_DAY.opens_at - timedelta(microseconds=1), False),
        (HALF_DAY.opens_at, True),
        (HALF_DAY.closes_at - timedelta(microseconds=1), True),
        (HALF_DAY.closes_at, False),
        (datetime(2026, 11, 27, 19, 0, tzinfo=UTC), False),
    ],
)
def test_is_open_when_at_the_edges_then_the_opening_counts_and_the_closing_does_not(
    at: datetime, is_open: bool
) -> None:
    assert HALF_DAY.is_open(at) is is_open


def test_is_open_when_the_time_is_naive_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        WINTER.is_open(datetime(2026, 1, 5, 15, 0))  # noqa: DTZ001


def test_exchange_date_when_it_is_evening_in_new_york_then_the_day_is_not_utcs() -> None:
    evening = datetime(2026, 1, 6, 1, 0, tzinfo=UTC)
    assert exchange_date(evening) == date(2026, 1, 5)
    assert exchange_time(evening).hour == 20


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        (datetime(2026, 1, 5, 14, 30), datetime(2026, 1, 5, 21, tzinfo=UTC)),  # noqa: DTZ001
        (datetime(2026, 1, 5, 21, tzinfo=UTC), datetime(2026, 1, 5, 14, 30, tzinfo=UTC)),
        (datetime(2026, 1, 6, 14, 30, tzinfo=UTC), datetime(2026, 1, 6, 21, tzinfo=UTC)),
    ],
    ids=["naive", "reversed", "another day"],
)
def test_session_when_its_times_cannot_be_then_it_is_refused(opens: datetime, closes: datetime) -> None:
    with pytest.raises(BadInput) as refused:
        Session(date(2026, 1, 5), opens, closes)
    assert refused.value.code == "BAD_SESSION"


def test_calendar_when_asked_around_its_sessions_then_each_is_found() -> None:
    calendar = Calendar([HALF_DAY, WINTER, SUMMER])
    assert calendar.on(date(2026, 1, 5)) is WINTER
    assert calendar.on(date(2026, 1, 6)) is None
    assert calendar.at(SUMMER.opens_at) is SUMMER
    assert calendar.at(SUMMER.closes_at) is None
    assert calendar.at(WINTER.opens_at - timedelta(days=1)) is None
    assert calendar.next_after(WINTER.opens_at) is SUMMER
    assert calendar.next_after(HALF_DAY.opens_at) is None


def test_calendar_when_a_day_comes_twice_then_it_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        Calendar([WINTER, Session.in_new_york(WINTER.date, opens=time(16, 30), closes=time(17, 0))])
    assert refused.value.code == "BAD_CALENDAR"


def test_calendar_when_asked_for_the_last_session_until_a_day_then_never_one_that_it_does_not_reach() -> None:
    calendar = Calendar([HALF_DAY, WINTER, SUMMER])
    first, second, third = calendar.sessions
    assert calendar.last_until(second.date) == second
    assert calendar.last_until(third.date - timedelta(days=1)) == second
    assert calendar.last_until(third.date, before=1) == second
    assert calendar.last_until(first.date, before=1) is None
    assert calendar.last_until(first.date - timedelta(days=1)) is None
    assert calendar.last_until(third.date + timedelta(days=1)) is None
    assert Calendar([]).last_until(first.date) is None
