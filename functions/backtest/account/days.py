"""The exchange's day of a moment, and the calendar around it, as the ledger's book tells them. Made once a day."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, time, timedelta

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import EXCHANGE_TIME_ZONE, Calendar, Session, exchange_date
from functions.core.options.expiry import expiry_of

_AROUND = timedelta(days=7)
_COUNTED = 5
"""Sessions that day trades are counted over."""


class Day:
    """One exchange day. `sessions` are those of a week before and after, None where the calendar reaches none.

    `session_day` is what results are counted by: the next session's date, so that a weekend is Monday's.
    `counted_from` is the first of the five sessions that end with the day, None where the calendar does not reach it.
    """

    __slots__ = ("_trades_until", "begins", "calendar", "counted_from", "date", "ends", "session_day", "sessions")

    def __init__(self, date: dt.date, every: Calendar) -> None:
        self.date = date
        self.begins = _midnight(date)
        self.ends = _midnight(date + timedelta(days=1))
        dates = [session.date for session in every.sessions]
        first, last = bisect_left(dates, date - _AROUND), bisect_right(dates, date + _AROUND)
        near = every.sessions[first:last]
        self.sessions: tuple[Session, ...] | None = near or None
        self.calendar = Calendar(near)
        self.session_day = next((session.date for session in near if session.date >= date), date)
        past = bisect_right(dates, date)
        self.counted_from = dates[past - _COUNTED] if past >= _COUNTED else None
        self._trades_until: dict[str, datetime | None] = {}

    def trades_until(self, option: str) -> datetime | None:
        """When an option trades for the last time; None where the calendar does not reach it yet."""
        if option not in self._trades_until:
            try:
                found = expiry_of(OptionSymbol.parse(option), self.calendar).trades_until
            except BadInput:
                found = None
            self._trades_until[option] = found
        return self._trades_until[option]


class Days:
    """The day of each moment; moments mostly come in the order of time, so the last answer mostly serves."""

    __slots__ = ("_calendar", "_last")

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._last: Day | None = None

    def at(self, moment: datetime) -> Day:
        """The exchange's day that a moment, UTC, lies in."""
        last = self._last
        if last is None or not last.begins <= moment < last.ends:
            last = self._last = Day(exchange_date(moment), self._calendar)
        return last


def _midnight(date: dt.date) -> datetime:
    return datetime.combine(date, time(), EXCHANGE_TIME_ZONE).astimezone(UTC)
