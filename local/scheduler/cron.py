"""When a cron expression in a time zone is due. Pure; every moment in and out is UTC.

Days on which clocks change: a time that the clock skips is due at the moment it would have been had the clock not
changed; a time that comes twice is due the first time only. Expressions that run through every hour (hour field `*` or
`*/n`) go on evenly instead: they have no skipped run, and run in both of the repeated hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter

from functions.core.clock import require_utc
from functions.core.errors import Misconfigured

_DAY = timedelta(days=1)
# More than any zone moves its clock at once, the change of a date line aside.
_LARGEST_SHIFT = timedelta(hours=3)
# A search begins with a short window, because most expressions are due within it, and widens it step by step.
_FIRST_WINDOW = timedelta(minutes=5)
_WIDER = 3


@dataclass(frozen=True, slots=True)
class Cron:
    """A five-field cron expression read in a time zone. Raises Misconfigured BAD_CRON or BAD_TIME_ZONE."""

    expression: str
    time_zone: str

    def __post_init__(self) -> None:
        if len(self.expression.split()) != 5 or not croniter.is_valid(self.expression):
            raise Misconfigured("BAD_CRON", f"expected five cron fields, was {self.expression!r}")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Misconfigured("BAD_TIME_ZONE", f"expected a time zone's name, was {self.time_zone!r}") from error
        try:
            next(croniter(self.expression, datetime(2000, 1, 1)).all_next(datetime))  # noqa: DTZ001 - any start will do
        except CroniterBadDateError as error:
            raise Misconfigured("BAD_CRON", f"the cron expression {self.expression!r} is never due") from error

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """Every due time in (after, until], in order."""
        after, until = require_utc(after), require_utc(until)
        # Where the clock goes back, a later local time may be an earlier moment: look further on both sides.
        start = self._local(after) - (_LARGEST_SHIFT if self._shifts_near(after) else timedelta(minutes=1))
        end = self._local(until) + (_LARGEST_SHIFT if self._shifts_near(until) else timedelta(0))
        due: set[datetime] = set()
        try:
            for local in croniter(self.expression, start).all_next(datetime):
                if local > end:
                    break
                due.update(moment for moment in self._moments(local) if after < moment <= until)
        except CroniterBadDateError:
            # Nothing more within the years that croniter looks ahead, so nothing within the window.
            return sorted(due)
        return sorted(due)

    def next_after(self, moment: datetime) -> datetime:
        """The first due time later than `moment`."""
        start, window = require_utc(moment), _FIRST_WINDOW
        while not (due := self.between(start, start + window)):
            start, window = start + window, window * _WIDER
        return due[0]

    def latest_between(self, after: datetime, until: datetime) -> datetime | None:
        """The last due time in (after, until], None where there is none."""
        after, end, window = require_utc(after), require_utc(until), _FIRST_WINDOW
        while after < end:
            start = max(after, end - window)
            if due := self.between(start, end):
                return due[-1]
            end, window = start, window * _WIDER
        return None

    def _moments(self, local: datetime) -> list[datetime]:
        """The moments at which a local time (without zone) is due: none, one or two."""
        zone = ZoneInfo(self.time_zone)
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second or not self._runs_through_every_hour():
            return [first]
        skipped = first.astimezone(zone).replace(tzinfo=None) != local
        return [] if skipped else [first, second]

    def _runs_through_every_hour(self) -> bool:
        hour = self.expression.split()[1]
        return hour == "*" or hour.startswith("*/")

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)

    def _shifts_near(self, moment: datetime) -> bool:
        zone = ZoneInfo(self.time_zone)
        return len({(moment + days).astimezone(zone).utcoffset() for days in (-_DAY, timedelta(0), _DAY)}) > 1
