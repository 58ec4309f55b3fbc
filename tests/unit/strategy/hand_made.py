"""Hand-made bars, priced by their closes: one a minute from 14:30 UTC, or in the sessions of a short calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from functions.core.market_calendar import Calendar, Session
from functions.strategy.bars import TIMEFRAME_LENGTHS, Bars, Timeframe
from functions.strategy.holding import NOTHING, Position, Standing

OPENING = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# The day before Thanksgiving, the half day after it, and the Monday.
FULL_DAY = Session.in_new_york(date(2026, 11, 25))
HALF_DAY = Session.in_new_york(date(2026, 11, 27), closes=time(13))
NEXT_DAY = Session.in_new_york(date(2026, 11, 30))
CALENDAR = Calendar([FULL_DAY, HALF_DAY, NEXT_DAY])


@dataclass(frozen=True)
class Row:
    """A stored bar."""

    starts_at: datetime
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(1000)


def row(index: int, close: Decimal) -> Row:
    starts_at = OPENING + index * MINUTE
    return Row(starts_at, starts_at + MINUTE, close, close, close, close)


def standing(position: Position, symbol: str = "SPY") -> Standing:
    """That of a strategy that holds this, or nothing where it is flat."""
    return Standing(held={symbol: position}) if position.quantity else NOTHING


def minute_rows(closes: Sequence[object]) -> list[Row]:
    """Stored SPY bars from closes in dollars."""
    return [row(index, Decimal(str(close))) for index, close in enumerate(closes)]


def minute_bars(closes: Sequence[object]) -> Bars:
    """SPY minute bars from closes in dollars."""
    return Bars.of("SPY", "1Min", minute_rows(closes))


def session_rows(closes: Sequence[object], timeframe: Timeframe, session: Session = FULL_DAY) -> list[Row]:
    """Stored bars of a session from its open on; None where a bar is missing. The last ends at the close."""
    length = TIMEFRAME_LENGTHS[timeframe]
    rows: list[Row] = []
    for index, close in enumerate(closes):
        starts_at = session.opens_at + index * length
        if close is not None:
            price = Decimal(str(close))
            ends_at = min(starts_at + length, session.closes_at)
            rows.append(Row(starts_at, ends_at, price, price, price, price))
    return rows


def session_bars(*days: tuple[Session, Sequence[object]], timeframe: Timeframe = "5Min", symbol: str = "SPY") -> Bars:
    """Bars of one or several sessions from closes in dollars, None where a bar is missing."""
    rows = [row for session, closes in days for row in session_rows(closes, timeframe, session)]
    return Bars.of(symbol, timeframe, rows, CALENDAR)
