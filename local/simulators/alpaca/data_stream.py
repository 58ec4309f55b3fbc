"""The market data websockets: `/v2/{feed}` for stocks, `/v1beta1/{feed}` for options.

msgpack both ways where the client says so in its Content-Type, else JSON text.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgpack
from starlette.websockets import WebSocket, WebSocketDisconnect

from local.simulators.alpaca.data_hub import CHANNELS, OPTION_FEEDS, Subscriber
from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue.connection import Connection, serve

STOCK_FEEDS = ("iex", "sip", "delayed_sip", "test")
_AUTH_SECONDS = 10.0
_NOT_OFFERED = 1008
_GOING_AWAY = 1001


async def data_stream(socket: WebSocket) -> None:
    """Serves one client until it leaves."""
    simulator: Simulator = socket.app.state.simulator
    feed = socket.url.path.rsplit("/", 1)[-1]
    if feed not in (*STOCK_FEEDS, *OPTION_FEEDS):
        await socket.close(_NOT_OFFERED)
        return
    await socket.accept()
    if simulator.faults.take("drop_data_stream"):
        await socket.close(_GOING_AWAY)
        return
    packed = "msgpack" in socket.headers.get("content-type", "")
    session = _Session(simulator, feed, Subscriber(Connection(socket), packed))
    key, secret = socket.headers.get("apca-api-key-id"), socket.headers.get("apca-api-secret-key")
    session.greet()
    if key and secret:
        session.authenticate(key, secret)
    try:
        await serve(session.connection, session.read(socket))
    finally:
        session.leave()


class _Session:
    def __init__(self, simulator: Simulator, feed: str, subscriber: Subscriber) -> None:
        self._simulator = simulator
        self._feed = feed
        self._subscriber = subscriber
        self._key: str | None = None

    @property
    def connection(self) -> Connection:
        return self._subscriber.connection

    def greet(self) -> None:
        self._say({"T": "success", "msg": "connected"})

    async def read(self, socket: WebSocket) -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(None if self._key else _AUTH_SECONDS):
                        message = await socket.receive()
                except TimeoutError:
                    self._fail(404, "auth timeout", close=True)
                    await self.connection.drained()
                    return
                if message["type"] == "websocket.disconnect":
                    return
                self._hear(message.get("bytes") or message.get("text") or b"")
        except WebSocketDisconnect:
            return

    def leave(self) -> None:
        if self._key is not None:
            self._simulator.data.leave(self._key, self._feed, self._subscriber)

    def authenticate(self, key: object, secret: object) -> None:
        if self._key is not None:
            self._fail(403, "already authenticated")
        elif not isinstance(key, str) or not self._simulator.may_read_data(key, secret):
            self._fail(402, "auth failed", close=True)
        elif self._simulator.faults.take("connection_limit") or not self._simulator.data.join(
            key, self._feed, self._subscriber
        ):
            self._fail(406, "connection limit exceeded", close=True)
        else:
            self._key = key
            self._say({"T": "success", "msg": "authenticated"})

    def _hear(self, raw: str | bytes) -> None:
        message = _parse(raw, packed=self._subscriber.packed and isinstance(raw, bytes))
        if message is None:
            self._fail(400, "invalid syntax")
            return
        match message.get("action"):
            case "auth":
                self.authenticate(message.get("key"), message.get("secret"))
            case "subscribe" | "unsubscribe" if self._key is None:
                self._fail(401, "not authenticated")
            case "subscribe" | "unsubscribe" as action:
                self._subscribe(message, adding=action == "subscribe")
            case _:
                self._fail(400, "invalid syntax")

    def _subscribe(self, message: dict[str, Any], *, adding: bool) -> None:
        named = {channel: message[channel] for channel in CHANNELS if channel in message}
        for symbols in named.values():
            if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
                self._fail(400, "invalid syntax")
                return
        for channel, symbols in named.items():
            wanted = self._subscriber.wants[channel]
            if adding:
                wanted.update(symbols)
            else:
                wanted.difference_update(symbols)
        self._say({"T": "subscription", **{name: sorted(wants) for name, wants in self._subscriber.wants.items()}})

    def _fail(self, code: int, text: str, *, close: bool = False) -> None:
        self._say({"T": "error", "code": code, "msg": text})
        if close:
            self.connection.close()

    def _say(self, message: dict[str, Any]) -> None:
        self._subscriber.say([message])


def _parse(raw: str | bytes, *, packed: bool) -> dict[str, Any] | None:
    """The message; None where it cannot be read."""
    try:
        message = msgpack.unpackb(raw) if packed else json.loads(raw)
    except (ValueError, msgpack.UnpackException):
        return None
    return message if isinstance(message, dict) else None
