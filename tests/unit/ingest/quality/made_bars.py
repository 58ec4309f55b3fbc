"""Minutes of a made market, for the gate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from functions.core.events import BarData
from functions.core.market_calendar import Calendar, Session

MINUTE = timedelta(minutes=1)
THURSDAY = Session.in_new_york(date(2026, 1, 8))
FRIDAY = Session.in_new_york(date(2026, 1, 9), closes=time(13))
MONDAY = Session.in_new_york(date(2026, 1, 12))
CALENDAR = Calendar([THURSDAY, FRIDAY, MONDAY])
OPEN = THURSDAY.opens_at
LONG_AGO = datetime(2020, 1, 1, 15, tzinfo=UTC)


def bar(at: datetime, close: str | Decimal = "100", *, reach: str = "0.05", volume: str = "7") -> BarData:
    """A quiet minute around its close."""
    price, half = Decimal(close), Decimal(reach)
    return BarData(
        symbol="SPY", timeframe="1Min", starts_at=at, ends_at=at + MINUTE, open=price, high=price + half,
        low=price - half, close=price, volume=Decimal(volume), feed="iex",
    )  # fmt: skip


def minutes(closes: Sequence[str], start: datetime = OPEN) -> list[BarData]:
    """One bar a minute with these closes; an empty one is a minute that is missing."""
    return [bar(start + index * MINUTE, close) for index, close in enumerate(closes) if close]
