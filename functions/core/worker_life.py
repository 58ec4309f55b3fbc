"""What every stream worker does: hold its lease, and be patient with what is down."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import structlog

from functions.core.errors import Temporary
from functions.core.ledger.part import StreamingPart
from functions.core.ports import Ports
from functions.core.runtime import owner

Result = TypeVar("Result")
_FIRST_WAIT = 0.05
_LONGEST_WAIT = 5.0


async def patiently(
    call: Callable[[], Awaitable[Result]], stop: asyncio.Event, log: structlog.typing.FilteringBoundLogger, what: str
) -> Result | None:
    """Repeats a call that fails temporarily, with capped backoff, until it succeeds or `stop` is set (then None).

    A stream's message must not be lost because the ledger was restarting; the call must be safe to repeat.
    """
    wait = _FIRST_WAIT
    while not stop.is_set():
        try:
            return await call()
        except Temporary as error:
            log.warning("waiting", what=what, code=error.code, reason=str(error), seconds=wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
            wait = min(wait * 2, _LONGEST_WAIT)
    return None


async def hold_lease(reach: Ports, name: str, stop: asyncio.Event) -> AsyncGenerator[Callable[[], bool], None]:
    """Yields each time that this process takes the lease, with a function that says whether it still holds it.

    The lease keeps two workers from doing the same work; that nothing is doubled if they do is the ledger's part. So
    a hot store that is down or was emptied stops nobody: the holder goes on until another owner is seen. Close it
    (`contextlib.aclosing`), so that the lease is given back before anything else is done.
    """
    me, ttl = owner(), timedelta(seconds=reach.settings.worker_lease)
    while not stop.is_set():
        try:
            lease = await asyncio.to_thread(reach.hot.acquire, name, me, ttl)
        except Temporary:
            lease = None
        if lease is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), reach.settings.worker_lease / 10)
            continue
        lost = asyncio.Event()
        renewal = asyncio.create_task(_renew(reach, name, me, ttl, lost))
        try:
            yield lambda lost=lost: not lost.is_set()  # type: ignore[misc]
        finally:
            renewal.cancel()
            with contextlib.suppress(Temporary):
                await asyncio.to_thread(reach.hot.release, name, me)


class Heart:
    """Says from time to time that a worker is well; a beat that cannot be recorded is left to the next one."""

    def __init__(self, ledger: StreamingPart, worker: str, interval: float) -> None:
        self._ledger = ledger
        self._worker = worker
        self._interval = interval
        self._next_at = 0.0

    async def beat(self, **detail: object) -> None:
        """Records a heartbeat where one is due; raises nothing temporary."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + self._interval
        with contextlib.suppress(Temporary):
            await asyncio.to_thread(self._ledger.record_heartbeat, self._worker, dict(detail))


async def _renew(reach: Ports, name: str, me: str, ttl: timedelta, lost: asyncio.Event) -> None:
    while True:
        await asyncio.sleep(ttl.total_seconds() / 3)
        with contextlib.suppress(Temporary):
            if await asyncio.to_thread(reach.hot.acquire, name, me, ttl) is None:
                lost.set()
                return
