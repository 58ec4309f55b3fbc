"""The sessions of the New York Stock Exchange, half days included, from `exchange_calendars`.

Importing that package takes seconds, so the table it makes is kept in a cache folder under the package's version.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from functions.core.errors import BadInput
from local.tape.model import Session

FIRST_YEAR = 1999
LAST_YEAR = 2029


class MarketCalendar:
    """Sessions in order, found by day or by moment."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = tuple(sessions)
        self._days = [session.day for session in self._sessions]
        self._opens = [session.opens_at for session in self._sessions]
        self._closes = [session.closes_at for session in self._sessions]

    def between(self, start: date, end: date) -> tuple[Session, ...]:
        """The sessions of `start` to `end`, both included."""
        return self._sessions[bisect_left(self._days, start) : bisect_right(self._days, end)]

    def with_session(self, session: Session) -> MarketCalendar:
        """The same calendar with one day's session exchanged. Raises BadInput OUTSIDE_CALENDAR for a day without."""
        index = bisect_left(self._days, session.day)
        if index >= len(self._days) or self._days[index] != session.day:
            raise BadInput("OUTSIDE_CALENDAR", f"there is no session on {session.day}")
        return MarketCalendar([*self._sessions[:index], session, *self._sessions[index + 1 :]])

    def before(self, day: date, count: int) -> tuple[Session, ...]:
        """The last `count` sessions before `day`, in order."""
        index = bisect_left(self._days, day)
        return self._sessions[max(0, index - count) : index]

    def next_open(self, now: datetime) -> Session:
        """The first session that opens after `now`. Raises BadInput OUTSIDE_CALENDAR."""
        return self._at(bisect_right(self._opens, now))

    def next_close(self, now: datetime) -> Session:
        """The first session that closes after `now`. Raises BadInput OUTSIDE_CALENDAR."""
        return self._at(bisect_right(self._closes, now))

    def _at(self, index: int) -> Session:
        if index >= len(self._sessions):
            raise BadInput("OUTSIDE_CALENDAR", f"the calendar knows {FIRST_YEAR} to {LAST_YEAR}")
        return self._sessions[index]


def new_york(cache: Path | None = None) -> MarketCalendar:
    """The calendar of the New York Stock Exchange. `cache` names a folder to keep the table in, made where missing."""
    kept = None if cache is None else cache / f"xnys-{version('exchange-calendars')}-{FIRST_YEAR}-{LAST_YEAR}.json"
    rows = _read(kept) if kept is not None else None
    if rows is None:
        rows = _compute()
        if kept is not None:
            _write(kept, rows)
    return MarketCalendar(
        [
            Session(date.fromisoformat(day), datetime.fromtimestamp(opens, UTC), datetime.fromtimestamp(closes, UTC))
            for day, opens, closes in rows
        ]
    )


_Rows = list[tuple[str, int, int]]


def _compute() -> _Rows:
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=f"{FIRST_YEAR}-01-01", end=f"{LAST_YEAR}-12-31")
    schedule = calendar.schedule
    return [
        (day.date().isoformat(), int(opens.timestamp()), int(closes.timestamp()))
        for day, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    ]


def _read(path: Path) -> _Rows | None:
    try:
        return [(day, opens, closes) for day, opens, closes in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):
        # Absent, or cut short by a crash: the table is made again.
        return None


def _write(path: Path, rows: _Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed, so that two starting processes never read half a table.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(rows))
    aside.replace(path)
