"""The scheduled functions of the wiring table, and what became due when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.core.clock import require_utc
from functions.core.errors import BadInput, Refused
from functions.core.wiring import ScheduleTrigger, Wiring
from local.scheduler.cron import Cron

# How far back the first tick looks: the minute that it is for.
_FIRST_TICK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Job:
    """A function and when cron wakes it. `timeout` is seconds to answer."""

    function: str
    cron: Cron
    timeout: float


@dataclass(frozen=True, slots=True)
class DueRun:
    """A job that is due, and since when (UTC)."""

    job: Job
    scheduled_at: datetime


def jobs_of(table: Wiring) -> list[Job]:
    """The scheduled functions in the table's order. Raises Misconfigured BAD_CRON or BAD_TIME_ZONE."""
    return [
        Job(
            name,
            Cron(function.trigger.schedule.cron, function.trigger.schedule.time_zone),
            float((function.timeout or table.defaults.timeout).removesuffix("s")),
        )
        for name, function in table.functions.items()
        if isinstance(function.trigger, ScheduleTrigger)
    ]


class Ticker:
    """Turns moments that somebody else names into due runs: each job at most once per tick, by its latest due time."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._previous: datetime | None = None

    def due(self, now: datetime, since: datetime | None = None) -> list[DueRun]:
        """What became due in (previous tick, now], in the table's order.

        `since` stands for the previous tick: a replay that begins anew gives it. Without it the first tick looks one
        minute back, and a tick before the previous one raises Refused CLOCK_WENT_BACK.
        """
        now = require_utc(now, "now")
        if since is not None:
            after = require_utc(since, "since")
        elif self._previous is None:
            after = now - _FIRST_TICK
        else:
            after = self._previous
        if now < after:
            raise Refused(
                "CLOCK_WENT_BACK",
                f"the last tick was {after.isoformat()}, this one is {now.isoformat()}; a replay that begins anew "
                "says so with `since`",
            )
        self._previous = now
        found = [(job, job.cron.latest_between(after, now)) for job in self._jobs]
        return [DueRun(job, latest) for job, latest in found if latest is not None]

    def named(self, functions: Sequence[str], now: datetime) -> list[DueRun]:
        """The named jobs as due now, in the order given. Raises BadInput UNKNOWN_FUNCTION."""
        by_name = {job.function: job for job in self._jobs}
        for name in functions:
            if name not in by_name:
                raise BadInput("UNKNOWN_FUNCTION", f"expected one of {', '.join(by_name)}, was {name!r}")
        return [DueRun(by_name[name], require_utc(now, "now")) for name in functions]
