"""The account streamer's websocket: JSON text both ways, closed when no heartbeat comes for a minute."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Final
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from local.simulators.tastytrade.simulator import HEARTBEAT_SECONDS, Simulator
from local.simulators.venue.connection import Connection, serve

_GOING_AWAY: Final = 1001
_QUIET: Final = ("public-watchlists-subscribe", "quote-alerts-subscribe", "user-message-subscribe")


async def account_stream(socket: WebSocket) -> None:
    """Serves one client until it leaves."""
    simulator: Simulator = socket.app.state.simulator
    await socket.accept()
    if simulator.faults.take("drop_stream"):
        await socket.close(_GOING_AWAY)
        return
    impatient = simulator.faults.take("impatient_stream")
    seconds = HEARTBEAT_SECONDS if impatient is None else impatient.numbers["milliseconds"] / 1000
    connection = Connection(socket)
    session = _Session(simulator, connection, seconds)
    try:
        await serve(connection, session.read(socket))
    finally:
        session.leave()


class _Session:
    def __init__(self, simulator: Simulator, connection: Connection, seconds: float) -> None:
        self._simulator = simulator
        self._connection = connection
        self._seconds = seconds
        self._id = uuid4().hex[:8]
        self._connected = False
        self._listens: list[str] = []

    async def read(self, socket: WebSocket) -> None:
        """Only a heartbeat, or a connect, keeps the stream open; protocol pings do not."""
        deadline = asyncio.get_running_loop().time() + self._seconds
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        message = await socket.receive()
                except TimeoutError:
                    self._connection.close(_GOING_AWAY)
                    await self._connection.drained()
                    return
                if message["type"] == "websocket.disconnect":
                    return
                if self._hear(message.get("text") or message.get("bytes") or b""):
                    deadline = asyncio.get_running_loop().time() + self._seconds

    def leave(self) -> None:
        for number in self._listens:
            self._simulator.hub.leave(number, self._connection)

    def _hear(self, raw: str | bytes) -> bool:
        """Whether it was a sign of life."""
        try:
            message = json.loads(raw)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._say({"status": "error", "message": "failed"})
            return False
        action = message.get("action")
        login = self._simulator.tokens.login_of(message.get("auth-token"))
        if login is None:
            self._fail(message, "failed")
            return False
        if action == "connect":
            return self._connect(message, login.account_number)
        if action not in ("heartbeat", *_QUIET):
            self._fail(message, "failed")
            return False
        if not self._connected:
            self._fail(message, "connect-not-completed")
            return False
        self._answer(message)
        return True

    def _connect(self, message: dict[str, Any], own: str | None) -> bool:
        wanted = message.get("value")
        numbers = wanted if isinstance(wanted, list) else [wanted]
        if not numbers or any(number != own for number in numbers):
            self._fail(message, "failed")
            return False
        self._connected = True
        self._answer(message, value=numbers)
        for number in numbers:
            self._listens.append(str(number))
            self._simulator.hub.listen(str(number), self._connection)
        return True

    def _answer(self, message: dict[str, Any], **more: Any) -> None:
        self._say({"status": "ok", "action": message["action"], **more, **self._named(message)})

    def _fail(self, message: dict[str, Any], why: str) -> None:
        self._say({"status": "error", "action": message.get("action"), "message": why, **self._named(message)})

    def _named(self, message: dict[str, Any]) -> dict[str, Any]:
        request_id = message.get("request-id")
        return {} if request_id is None else {"request-id": request_id}

    def _say(self, message: dict[str, Any]) -> None:
        self._connection.send(json.dumps({"web-socket-session-id": self._id, **message}))
