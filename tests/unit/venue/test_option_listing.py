"""The listed options of a venue: something expires on every session, for as long as the tape runs."""

from __future__ import annotations

from datetime import date

from local.simulators.venue.option_market import _expiries
from local.tape.sessions import new_york
from tests.prepared import calendar_cache


def listed(expiries: dict[date, date], today: date) -> list[date]:
    return [day for day, since in expiries.items() if since <= today <= day]


def test_expiries_when_any_session_of_a_long_tape_then_today_the_week_and_the_months_are_listed() -> None:
    calendar = new_york(cache=calendar_cache())
    expiries = _expiries(calendar, date(2018, 1, 2), date(2018, 12, 31))
    assert list(expiries) == sorted(expiries)
    for session in calendar.between(date(2018, 1, 2), date(2018, 12, 31)):
        today = session.day
        days = [(day - today).days for day in listed(expiries, today)]
        assert days[0] == 0
        assert sum(day <= 7 for day in days) >= 4
        assert sum(30 <= day <= 60 for day in days) >= 4
        assert max(days) > 150


def test_expiries_when_a_friday_is_a_holiday_then_the_day_before_takes_its_place() -> None:
    calendar = new_york(cache=calendar_cache())
    # Good Friday of 2018 is March 30; of 2019 it is April 19, the third Friday.
    assert date(2018, 3, 29) in listed(_expiries(calendar, date(2018, 2, 5), date(2018, 2, 5)), date(2018, 2, 5))
    assert date(2019, 4, 18) in listed(_expiries(calendar, date(2018, 12, 3), date(2018, 12, 3)), date(2018, 12, 3))
