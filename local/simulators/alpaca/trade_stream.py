"""The `/stream` websocket: text or binary JSON in, binary JSON out."""

from __future__ import annotations

import json
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue.connection import Connection, serve

_GOING_AWAY = 1001


async def trade_stream(socket: WebSocket) -> None:
    """Serves one client until it leaves."""
    simulator: Simulator = socket.app.state.simulator
    await socket.accept()
    if simulator.faults.take("drop_stream"):
        await socket.close(_GOING_AWAY)
        return
    connection = Connection(socket)
    session = _Session(simulator, connection)
    try:
        await serve(connection, session.read(socket))
    finally:
        session.leave()


class _Session:
    def __init__(self, simulator: Simulator, connection: Connection) -> None:
        self._simulator = simulator
        self._connection = connection
        self._account_id: str | None = None

    async def read(self, socket: WebSocket) -> None:
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._hear(message.get("text") or message.get("bytes") or b"")
        except WebSocketDisconnect:
            return

    def leave(self) -> None:
        if self._account_id is not None:
            self._simulator.trades.leave(self._account_id, self._connection)

    def _hear(self, raw: str | bytes) -> None:
        try:
            message = json.loads(raw)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._say("error", {"error": "message is not a JSON object"})
            return
        given = message.get("data")
        data: dict[str, Any] = given if isinstance(given, dict) else {}
        match message.get("action"):
            case "authenticate":
                self._authenticate(data.get("key_id"), data.get("secret_key"), "authenticate")
            case "auth":
                self._authenticate(message.get("key"), message.get("secret"), "auth")
            case "listen":
                self._listen(data.get("streams"))
            case action:
                self._say("error", {"error": f"unknown action {action!r}"})

    def _authenticate(self, key: object, secret: object, action: str) -> None:
        desk = self._simulator.desk_of(key, secret)
        if desk is None:
            self._say("authorization", {"status": "unauthorized", "action": action})
            return
        self.leave()
        self._account_id = desk.account_id
        self._say("authorization", {"status": "authorized", "action": action})

    def _listen(self, streams: object) -> None:
        if self._account_id is None:
            self._say("authorization", {"status": "unauthorized", "action": "listen"})
            return
        wanted = [name for name in streams if name == "trade_updates"] if isinstance(streams, list) else []
        self._say("listening", {"streams": wanted})
        if wanted:
            self._simulator.trades.listen(self._account_id, self._connection)
        else:
            self.leave()

    def _say(self, stream: str, data: dict[str, Any]) -> None:
        self._connection.send(json.dumps({"stream": stream, "data": data}).encode())
