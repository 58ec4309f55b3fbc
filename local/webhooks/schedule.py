"""When a job is due: cron fields in UTC to the minute, or every N seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from croniter import croniter

from functions.core.errors import BadInput

_SECONDS = re.compile(r"\s*([1-5]?[0-9]) seconds?\s*", re.IGNORECASE)


def interval_of(schedule: str) -> timedelta | None:
    """The interval of 'N seconds' (1 to 59); None for five cron fields. Raises BadInput BAD_SCHEDULE."""
    match = _SECONDS.fullmatch(schedule)
    if match is not None and int(match[1]) > 0:
        return timedelta(seconds=int(match[1]))
    if not croniter.is_valid(_fields(schedule)) or len(schedule.split()) != 5:
        raise BadInput(
            "BAD_SCHEDULE", f"a schedule is five cron fields or 'N seconds' with N from 1 to 59, was {schedule!r}"
        )
    return None


def slot(schedule: str, now: datetime) -> datetime | None:
    """The slot that `now` (UTC-aware) lies in if the job is due in it, else None. Raises BadInput BAD_SCHEDULE.

    Slots of an interval are counted from 1970, so every worker, also after a restart, names the same slots.
    """
    interval = interval_of(schedule)
    if interval is not None:
        width = int(interval.total_seconds())
        return datetime.fromtimestamp(int(now.timestamp()) // width * width, UTC)
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    return minute if croniter.match(_fields(schedule), minute, day_or=True) else None


def _fields(schedule: str) -> str:
    # pg_cron writes the month's last day as '$'.
    fields = schedule.split()
    return " ".join("L" if place == 2 and field == "$" else field for place, field in enumerate(fields))
