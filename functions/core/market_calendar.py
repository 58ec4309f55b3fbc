"""Trading sessions: when the exchange is open, half days included. UTC inside; the exchange is in New York."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from functions.core.clock import require_utc
from functions.core.errors import BadInput

EXCHANGE_TIME_ZONE = ZoneInfo("America/New_York")
REGULAR_OPEN = time(9, 30)
REGULAR_CLOSE = time(16, 0)


def exchange_time(at: datetime) -> datetime:
    """The same moment on the exchange's wall clock. Raises ValueError where `at` has no time zone."""
    return require_utc(at, "at").astimezone(EXCHANGE_TIME_ZONE)


def exchange_date(at: datetime) -> dt.date:
    """The exchange's calendar day at a moment. Raises ValueError where `at` has no time zone."""
    return exchange_time(at).date()


@dataclass(frozen=True, slots=True)
class Session:
    """The regular session of one exchange day. `opens_at` and `closes_at` are stored in UTC.

    Raises BadInput BAD_SESSION where the times are naive, reversed, or not on `date` in New York.
    """

    date: dt.date
    opens_at: datetime
    closes_at: datetime

    def __post_init__(self) -> None:
        for name in ("opens_at", "closes_at"):
            value: datetime = getattr(self, name)
            if value.tzinfo is None:
                raise BadInput("BAD_SESSION", f"{name} must carry a time zone, was {value!r}", field=name)
            object.__setattr__(self, name, value.astimezone(UTC))
            if exchange_date(value) != self.date:
                raise BadInput("BAD_SESSION", f"{name} must be on {self.date} in New York, was {value}", field=name)
        if self.closes_at <= self.opens_at:
            found = f"{self.opens_at} to {self.closes_at}"
            raise BadInput("BAD_SESSION", f"a session closes after it opens, was {found}", field="closes_at")

    @classmethod
    def in_new_york(cls, day: dt.date, opens: time = REGULAR_OPEN, closes: time = REGULAR_CLOSE) -> Session:
        """The session given by the exchange's wall clock: what brokers' calendars send. Daylight saving is applied."""
        return cls(
            day,
            datetime.combine(day, opens, EXCHANGE_TIME_ZONE),
            datetime.combine(day, closes, EXCHANGE_TIME_ZONE),
        )

    @property
    def is_half_day(self) -> bool:
        """True where the exchange closes before 16:00 New York time."""
        return exchange_time(self.closes_at).time() < REGULAR_CLOSE

    def is_open(self, at: datetime) -> bool:
        """True from the opening moment up to, and without, the closing moment."""
        return self.opens_at <= require_utc(at, "at") < self.closes_at


class Calendar:
    """An ordered run of sessions. Raises BadInput BAD_CALENDAR where a date comes twice or sessions overlap."""

    def __init__(self, sessions: Iterable[Session]) -> None:
        self.sessions = tuple(sorted(sessions, key=lambda session: session.opens_at))
        for before, after in zip(self.sessions, self.sessions[1:], strict=False):
            if after.date == before.date or after.opens_at < before.closes_at:
                raise BadInput("BAD_CALENDAR", f"expected one session a day, was {before.date} then {after.date}")
        self._opens = [session.opens_at for session in self.sessions]
        self._days = [session.date for session in self.sessions]
        self._by_date = {session.date: session for session in self.sessions}

    def on(self, day: dt.date) -> Session | None:
        """The session of an exchange day; None on a holiday, or on a day that the calendar does not reach."""
        return self._by_date.get(day)

    def at(self, moment: datetime) -> Session | None:
        """The session that is open at a moment, or None."""
        index = bisect_right(self._opens, require_utc(moment, "moment")) - 1
        return self.sessions[index] if index >= 0 and self.sessions[index].is_open(moment) else None

    def last_until(self, day: dt.date, *, before: int = 0) -> Session | None:
        """The session of an exchange day or, on a holiday, the last one before it; `before` sessions earlier where
        said. None where the calendar does not reach that far, back or ahead: it is never guessed that a day has none.
        """
        index = bisect_right(self._days, day) - 1
        reached = index + 1 < len(self.sessions) or (index >= 0 and self.sessions[index].date == day)
        return self.sessions[index - before] if reached and index >= before else None

    def next_after(self, moment: datetime) -> Session | None:
        """The first session that opens after a moment; None where the calendar ends."""
        index = bisect_right(self._opens, require_utc(moment, "moment"))
        return self.sessions[index] if index < len(self.sessions) else None

    def between(self, start: datetime, end: datetime) -> tuple[Session, ...]:
        """The sessions that overlap the time from `start` up to `end`."""
        first = max(0, bisect_right(self._opens, require_utc(start, "start")) - 1)
        last = bisect_left(self._opens, require_utc(end, "end"))
        return tuple(session for session in self.sessions[first:last] if session.closes_at > start)
