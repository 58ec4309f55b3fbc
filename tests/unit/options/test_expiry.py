"""When contracts expire, on days as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import Calendar, Session
from functions.core.options.expiry import Exercise, exercise_of, expiry_of, years_to_expiry

D = date
CALENDAR = Calendar(
    [
        # The 18th of April 2014 was Good Friday.
        *(Session.in_new_york(D(2014, 4, day)) for day in (15, 16, 17, 21)),
        # Thanksgiving 2020, and a half day after it.
        *(Session.in_new_york(D(2020, 11, day)) for day in (24, 25)),
        Session.in_new_york(D(2020, 11, 27), closes=time(13, 0)),
        *(Session.in_new_york(D(2021, 1, day)) for day in (13, 14, 15, 19)),
        *(Session.in_new_york(D(2021, 6, day)) for day in (17, 18)),
    ]
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("symbol", "trades_until", "fixed_at"),
    [
        ("SPY210115C00380000", "2021-01-15T21:00", "2021-01-15T21:00"),
        ("SPY210618C00420000", "2021-06-18T20:00", "2021-06-18T20:00"),
        ("SPXW210115C03800000", "2021-01-15T21:00", "2021-01-15T21:00"),
        # The third Friday at the opening: traded on Thursday for the last time.
        ("SPX210115C03800000", "2021-01-14T21:00", "2021-01-15T14:30"),
        ("SPX210618C04200000", "2021-06-17T20:00", "2021-06-18T13:30"),
        # The monthly one on a holiday: everything a day earlier.
        ("SPY140419C00187000", "2014-04-17T20:00", "2014-04-17T20:00"),
        ("SPY140418C00187000", "2014-04-17T20:00", "2014-04-17T20:00"),
        ("SPX140418C01850000", "2014-04-16T20:00", "2014-04-17T13:30"),
        # A half day, and the day before a holiday.
        ("SPXW201127P03600000", "2020-11-27T18:00", "2020-11-27T18:00"),
        ("SPY201127P00360000", "2020-11-27T18:00", "2020-11-27T18:00"),
        ("SPXW201126P03600000", "2020-11-25T21:00", "2020-11-25T21:00"),
    ],
)
def test_expiry_when_a_contract_is_of_a_root_and_day_then_it_ends_as_the_exchange_says(
    symbol: str, trades_until: str, fixed_at: str
) -> None:
    found = expiry_of(OptionSymbol.parse(symbol), CALENDAR)
    assert found.trades_until == utc(trades_until)
    assert found.fixed_at == utc(fixed_at)


@pytest.mark.parametrize(
    ("root", "exercise"),
    [
        ("SPY", Exercise("american", "physical", "close")),
        ("SPXW", Exercise("european", "cash", "close")),
        ("SPX", Exercise("european", "cash", "open")),
        ("XSP", Exercise("european", "cash", "close")),
        ("VIX", Exercise("european", "cash", "open")),
        ("OEX", Exercise("american", "cash", "close")),
    ],
)
def test_exercise_when_a_root_is_known_then_as_its_exchange_specifies(root: str, exercise: Exercise) -> None:
    assert exercise_of(root) == exercise


def test_expiry_when_the_listing_says_otherwise_then_that_counts() -> None:
    told = Exercise("european", "cash", "open")
    found = expiry_of(OptionSymbol.parse("NEW210115C00100000"), CALENDAR, told)
    assert found.fixed_at == utc("2021-01-15T14:30")


@pytest.mark.parametrize(
    "symbol",
    [
        "SPY210719C00420000",  # after the calendar's end: whether that is a holiday is not known
        "SPY140401C00187000",
        "SPX140415C01850000",  # the session before is not in it
    ],
)
def test_expiry_when_the_calendar_does_not_reach_it_then_it_is_refused(symbol: str) -> None:
    with pytest.raises(BadInput) as refused:
        expiry_of(OptionSymbol.parse(symbol), CALENDAR)
    assert refused.value.code == "MISSING_CALENDAR"


def test_years_to_expiry_when_a_day_is_left_then_a_365th_and_never_quite_none() -> None:
    option = OptionSymbol.parse("SPY210115C00380000")
    assert years_to_expiry(option, utc("2021-01-14T21:00"), CALENDAR) == pytest.approx(1 / 365)
    assert years_to_expiry(option, utc("2021-01-15T21:00"), CALENDAR) > 0
