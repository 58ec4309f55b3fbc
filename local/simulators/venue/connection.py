"""One websocket client: messages go through a queue, so that a slow reader never holds up the tape."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

_MOST_WAITING: Final = 100_000
_GOING_AWAY: Final = 1001
_TOO_SLOW: Final = 1008


class Connection:
    """Sends in the order given; `close` lets what was queued before it out first. Used from one event loop."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._queue: asyncio.Queue[bytes | str | int] = asyncio.Queue()
        self._is_closed = False

    def send(self, message: bytes | str) -> None:
        """Queues a message; a client that does not read is cut off."""
        if self._is_closed:
            return
        if self._queue.qsize() >= _MOST_WAITING:
            self.close(_TOO_SLOW)
            return
        self._queue.put_nowait(message)

    def close(self, code: int = _GOING_AWAY) -> None:
        """Closes once what waits is sent."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put_nowait(code)

    async def drained(self) -> None:
        """Returns when everything queued so far was given to the socket."""
        await self._queue.join()

    async def write(self) -> None:
        """Sends until closed: run as a task beside the reader."""
        while True:
            message = await self._queue.get()
            try:
                if isinstance(message, int):
                    await self._shut(message)
                    return
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_text(message)
            except (WebSocketDisconnect, RuntimeError):
                # The client went away between two messages; the reader ends the connection.
                self._is_closed = True
                self._discard()
                return
            finally:
                self._queue.task_done()

    def abandon(self) -> None:
        """The client is gone: nothing more is sent, and nobody waits for it."""
        self._is_closed = True
        self._discard()

    def _discard(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()

    async def _shut(self, code: int) -> None:
        if self._socket.application_state is not WebSocketState.DISCONNECTED:
            await self._socket.close(code)


async def serve(connection: Connection, reading: Coroutine[Any, Any, None]) -> None:
    """Runs the writer beside `reading` until the client leaves or the connection is closed."""
    writer, read = asyncio.create_task(connection.write()), asyncio.create_task(reading)
    try:
        await asyncio.wait({writer, read}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        connection.abandon()
        for task in (writer, read):
            task.cancel()
        ended = await asyncio.gather(writer, read, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
            raise outcome
