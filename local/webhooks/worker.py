"""The worker's sessions: one with the database at a time, a new one whenever Postgres went away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import NoReturn

import psycopg

from local.webhooks import jobs, store
from local.webhooks.faults import Faults
from local.webhooks.http_pool import HttpPool
from local.webhooks.jobs import JobRunner
from local.webhooks.sender import Outcome, Request, send

MAX_CONCURRENT = 64
_FIRST_BACKOFF_SECONDS = 0.05
_LONGEST_BACKOFF_SECONDS = 2.0
# A notice is lost only with its session, and a new session looks at once; this is for what nobody thought of.
_LOOK_ANYWAY_SECONDS = 2.0
_PRUNE_EVERY_SECONDS = 3600.0
_GRACE_SECONDS = 2.0
_ONLY_ONE_WORKER = 7_205_130_001

log = logging.getLogger("webhooks")


class Worker:
    """Sends the queue's requests and runs the cron jobs of one database. `run` lasts until cancelled."""

    def __init__(self, database_url: str, faults: Faults) -> None:
        self.faults = faults
        self.connected = False
        self.sent = 0
        self.lost = 0
        self._database_url = database_url
        self._pool = HttpPool()
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._unrecorded: list[Outcome] = []
        self._requests_waiting = asyncio.Event()
        self._jobs_changed = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Requests begun and not yet recorded."""
        return len(self._in_flight)

    async def run(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        try:
            while True:
                try:
                    await self._session()
                except* psycopg.OperationalError as errors:
                    if self.connected:
                        backoff = _FIRST_BACKOFF_SECONDS
                    self.connected = False
                    log.warning("no database (%s); trying again in %.2f s", _first_line(errors), backoff)
                await asyncio.sleep(backoff)
                backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)
        finally:
            self._pool.close()

    async def _session(self) -> None:
        async with contextlib.AsyncExitStack() as opened:
            listening, queue, cron = [
                await opened.enter_async_context(
                    await psycopg.AsyncConnection.connect(
                        self._database_url, autocommit=True, application_name=f"webhooks {part}", connect_timeout=5
                    )
                )
                for part in ("listener", "queue", "cron")
            ]
            await queue.execute("select pg_advisory_lock(%s)", [_ONLY_ONE_WORKER])
            # Listening begins before the first look, so that nothing falls between the two.
            await listening.execute("listen net_http_requests")
            await listening.execute("listen cron_jobs")
            dropped = await store.drop_begun(queue, self._in_flight)
            if dropped:
                log.warning("%d requests begun by a worker that ended are not sent again", dropped)
            self._requests_waiting.set()
            self.connected = True
            log.info("serving the queue and the cron jobs")
            try:
                async with asyncio.TaskGroup() as parts:
                    parts.create_task(self._listen(listening))
                    parts.create_task(self._claim(queue))
                    parts.create_task(self._record(queue))
                    parts.create_task(JobRunner(cron, self._database_url, self._jobs_changed).run())
                    parts.create_task(_prune(cron))
            except asyncio.CancelledError:
                await self._finish(queue)
                raise

    async def _listen(self, connection: psycopg.AsyncConnection) -> NoReturn:
        async for notice in connection.notifies():
            (self._jobs_changed if notice.channel == "cron_jobs" else self._requests_waiting).set()
        raise psycopg.OperationalError("the listening session ended")

    async def _claim(self, connection: psycopg.AsyncConnection) -> NoReturn:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_ANYWAY_SECONDS):
                    await self._requests_waiting.wait()
            self._requests_waiting.clear()
            free = MAX_CONCURRENT - len(self._in_flight)
            while free > 0:
                requests = await store.claim(connection, free)
                for request in requests:
                    self._in_flight[request.id] = asyncio.create_task(self._send(request))
                if len(requests) < free:
                    break
                free = MAX_CONCURRENT - len(self._in_flight)

    async def _send(self, request: Request) -> None:
        if self.faults.loses(request.id):
            self.lost += 1
            outcome = Outcome(request.id, timed_out=False, error="lost on purpose by the fault switch")
        else:
            self.sent += 1
            outcome = await send(self._pool, request)
        self._outcomes.put_nowait(outcome)

    async def _record(self, connection: psycopg.AsyncConnection) -> NoReturn:
        while True:
            if not self._unrecorded:
                self._unrecorded.append(await self._outcomes.get())
            await self._record_all(connection)

    async def _record_all(self, connection: psycopg.AsyncConnection) -> None:
        while not self._outcomes.empty():
            self._unrecorded.append(self._outcomes.get_nowait())
        # Kept until the commit is known: a session that breaks here leaves them to the next one.
        await store.record(connection, self._unrecorded)
        was_full = len(self._in_flight) >= MAX_CONCURRENT
        for outcome in self._unrecorded:
            self._in_flight.pop(outcome.id, None)
        self._unrecorded.clear()
        if was_full:
            self._requests_waiting.set()

    async def _finish(self, connection: psycopg.AsyncConnection) -> None:
        """At the end: what is in flight may come home for a moment; what does not is never sent again."""
        sending = [task for task in self._in_flight.values() if not task.done()]
        if sending:
            _, late = await asyncio.wait(sending, timeout=_GRACE_SECONDS)
            for task in late:
                task.cancel()
        try:
            if self._unrecorded or not self._outcomes.empty():
                await self._record_all(connection)
        except psycopg.OperationalError as error:
            # The next worker drops these rows; raising would turn the end into a new session.
            log.warning("ended without recording %d responses: %s", len(self._unrecorded), error)


async def _prune(connection: psycopg.AsyncConnection) -> NoReturn:
    while True:
        await store.prune(connection)
        await jobs.prune(connection)
        await asyncio.sleep(_PRUNE_EVERY_SECONDS)


def _first_line(errors: BaseExceptionGroup[psycopg.OperationalError]) -> str:
    inner: BaseException = errors
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return str(inner).strip().split("\n", 1)[0]
