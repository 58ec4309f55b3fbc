"""The scheduler by the machine's clock: every job waits for its next due time, by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from functions.core.errors import Unavailable
from functions.core.hotstore.port import HotStore
from local.scheduler.jobs import DueRun, Job
from local.scheduler.runs import Runner

_LOG = logging.getLogger("scheduler")

# A sleep is never longer, so that a machine that was suspended, or whose clock was set, is noticed soon.
_LONGEST_SLEEP = 30.0


class LastRuns(Protocol):
    """Remembers, across restarts where it can, what each function was last run for."""

    def read(self, function: str) -> datetime | None: ...

    def write(self, function: str, scheduled_at: datetime) -> None: ...


class HotLastRuns:
    """In the hot store. Where that has lost it, or is down, missed runs are not made up for, and the log says so."""

    def __init__(self, store: HotStore) -> None:
        self._store = store

    def read(self, function: str) -> datetime | None:
        try:
            entry = self._store.get(_key(function))
        except Unavailable as error:
            _LOG.warning("it is not known when %s last ran: %s", function, error)
            return None
        return None if entry is None else datetime.fromisoformat(entry.value)

    def write(self, function: str, scheduled_at: datetime) -> None:
        try:
            self._store.put(_key(function), scheduled_at.isoformat())
        except Unavailable as error:
            _LOG.warning("that %s ran cannot be remembered: %s", function, error)


async def run_forever(
    jobs: Sequence[Job],
    runner: Runner,
    last_runs: LastRuns,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Runs every job at its due times until cancelled.

    Runs that were missed (the scheduler was down, or the function's last run took longer than its interval) are made up
    for by one run with the latest of the due times.
    """
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_run_job(job, runner, last_runs, now))


async def _run_job(job: Job, runner: Runner, last_runs: LastRuns, now: Callable[[], datetime]) -> None:
    last = await asyncio.to_thread(last_runs.read, job.function) or now()
    while True:
        due_at = job.cron.next_after(last)
        while (wait := (due_at - now()).total_seconds()) > 0:  # noqa: ASYNC110 - it waits for the wall clock
            await asyncio.sleep(min(wait, _LONGEST_SLEEP))
        latest = job.cron.latest_between(last, now()) or due_at
        missed = len(job.cron.between(due_at, latest))
        if missed:
            _LOG.warning("%s missed %d runs; running once, for %s", job.function, missed, latest.isoformat())
        await runner.run(DueRun(job, latest))
        last = latest
        await asyncio.to_thread(last_runs.write, job.function, latest)


def _key(function: str) -> str:
    return f"scheduler:last:{function}"
