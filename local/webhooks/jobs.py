"""Runs the SQL of due cron jobs, each slot once, and keeps the record of the runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from functions.core.errors import BadInput
from local.webhooks.schedule import interval_of, slot

RUNS_KEPT = "7 days"
_MINUTE = timedelta(minutes=1)

log = logging.getLogger("cron")


@dataclass(frozen=True, slots=True)
class Job:
    """An active row of cron.job."""

    id: int
    schedule: str
    command: str
    database: str
    username: str


def utc_now() -> datetime:
    return datetime.now(UTC)


class JobRunner:
    """One session's runner. `run` lasts until cancelled, or raises psycopg.OperationalError where the database went.

    `changed` is set when cron.job was written to; `now` gives UTC-aware machine time.
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection,
        database_url: str,
        changed: asyncio.Event,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._connection = connection
        self._database_url = database_url
        self._changed = changed
        self._now = now
        self._handled: dict[int, datetime] = {}
        self._turns: dict[int, asyncio.Lock] = {}
        self._refused: set[tuple[int, str]] = set()

    async def run(self) -> None:
        await self._close_orphaned_runs()
        jobs = await self._load()
        async with asyncio.TaskGroup() as runs:
            while True:
                for job, due in self._due(jobs):
                    runs.create_task(self._run_once(job, due))
                if await self._changed_within(self._pause(jobs)):
                    jobs = await self._load()
                    # A job first seen in the middle of its slot waits for the next one, as with pg_cron.
                    for job, due in self._due([job for job in jobs if job.id not in self._handled]):
                        self._handled[job.id] = due

    def _due(self, jobs: list[Job]) -> list[tuple[Job, datetime]]:
        now = self._now()
        due: list[tuple[Job, datetime]] = []
        for job in jobs:
            this_slot = self._slot(job, now)
            if this_slot is not None and this_slot > self._handled.get(job.id, datetime.min.replace(tzinfo=UTC)):
                self._handled[job.id] = this_slot
                due.append((job, this_slot))
        return due

    def _slot(self, job: Job, now: datetime) -> datetime | None:
        try:
            return slot(job.schedule, now)
        except BadInput as error:
            if (job.id, job.schedule) not in self._refused:
                self._refused.add((job.id, job.schedule))
                log.error("job %s never runs: %s", job.id, error)
            return None

    def _pause(self, jobs: list[Job]) -> float:
        """Seconds until the next moment at which some job may be due."""
        now = self._now()
        step = timedelta(seconds=1) if any(self._is_interval(job) for job in jobs) else _MINUTE
        seconds = step.total_seconds()
        return seconds - now.timestamp() % seconds

    def _is_interval(self, job: Job) -> bool:
        return (job.id, job.schedule) not in self._refused and interval_of(job.schedule) is not None

    async def _changed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    async def _load(self) -> list[Job]:
        cursor = await self._connection.execute(
            "select jobid, schedule, command, database, username from cron.job where active order by jobid"
        )
        return [Job(*row) for row in await cursor.fetchall()]

    async def _run_once(self, job: Job, due: datetime) -> None:
        turn = self._turns.setdefault(job.id, asyncio.Lock())
        if turn.locked() and interval_of(job.schedule) is not None:
            return  # the last run still lasts; the next interval will do
        async with turn:
            cursor = await self._connection.execute(
                "insert into cron.job_run_details"
                " (jobid, database, username, command, status, start_time, scheduled_for)"
                " values (%s, %s, %s, %s, 'running', clock_timestamp(), %s)"
                " on conflict (jobid, scheduled_for) do nothing returning runid",
                [job.id, job.database, job.username, job.command, due],
            )
            claimed = await cursor.fetchone()
            if claimed is None:
                return  # this slot was run before a restart
            status, message, pid = await self._execute(job)
            await self._connection.execute(
                "update cron.job_run_details set status = %s, return_message = %s, job_pid = %s,"
                " end_time = clock_timestamp() where runid = %s",
                [status, message, pid, claimed[0]],
            )

    async def _execute(self, job: Job) -> tuple[str, str | None, int | None]:
        """Runs the command in a session of its own, so that nothing it sets outlives it."""
        pid: int | None = None
        try:
            async with await psycopg.AsyncConnection.connect(
                make_conninfo(self._database_url, dbname=job.database, application_name=f"cron job {job.id}"),
                autocommit=True,
            ) as session:
                pid = session.info.backend_pid
                await session.execute(sql.SQL("set role {}").format(sql.Identifier(job.username)))
                cursor = await session.execute(job.command.encode(), prepare=False)
                return "succeeded", cursor.statusmessage, pid
        except psycopg.Error as error:
            log.warning("job %s failed: %s", job.id, error)
            return "failed", f"ERROR: {error}", pid

    async def _close_orphaned_runs(self) -> None:
        await self._connection.execute(
            "update cron.job_run_details set status = 'failed', end_time = clock_timestamp(),"
            " return_message = 'the worker ended during the run' where status = 'running'"
        )


async def prune(connection: psycopg.AsyncConnection) -> None:
    """Forgets runs older than RUNS_KEPT."""
    await connection.execute("delete from cron.job_run_details where scheduled_for < now() - %s::interval", [RUNS_KEPT])
