"""Runs a small HTTP application beside a process's own work in one event loop, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette

_GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again after its own shutdown, and so end the process before our work is.
        yield


async def serve(app: Starlette, listener: socket.socket, work: Coroutine[Any, Any, None]) -> None:
    """Serves `app` on `listener` and runs `work`. Returns after SIGTERM or SIGINT, with the work cancelled and awaited.

    An exception of `work` ends the server and is raised.
    """
    server = _Server(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_GRACE_SECONDS)
    )

    def stop() -> None:
        server.should_exit = True

    for received in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(received, stop)
    working = asyncio.create_task(work)
    working.add_done_callback(lambda task: stop() if not task.cancelled() and task.exception() else None)
    try:
        await server.serve(sockets=[listener])
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
