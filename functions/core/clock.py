"""Who says what time it is. Decisions use event time; only staleness checks ask a clock, and they ask this one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of the present moment, UTC and timezone-aware."""

    def now(self) -> datetime:
        """The present moment. Raises Temporary where the source cannot be read."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def require_utc(value: datetime, field: str = "time") -> datetime:
    """Returns `value` in UTC; a naive datetime is a bug in the caller and raises ValueError."""
    if value.tzinfo is None:
        raise ValueError(f"{field} must carry a time zone, was the naive {value!r}")
    return value.astimezone(UTC)
