"""DXLink's websocket: the protocol of one connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from local.simulators.tastytrade import dx_events
from local.simulators.tastytrade.dx_hub import Channel, Subscriber
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.venue.connection import Connection, serve

_GOING_AWAY: Final = 1001
_DEFAULT_KEEPALIVE: Final = 60.0
_LEAST_KEEPALIVE: Final = 0.02


async def dxlink(socket: WebSocket) -> None:
    """Serves one client until it leaves."""
    simulator: Simulator = socket.app.state.simulator
    await socket.accept()
    if simulator.faults.take("drop_data_stream"):
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
        self._subscriber = Subscriber(connection, on_expiry=self._expired)
        self._authorized = False
        self._silence = _DEFAULT_KEEPALIVE
        self._speaks_every: float | None = None

    async def read(self, socket: WebSocket) -> None:
        """Ends with TIMEOUT where the client says nothing for as long as it promised to speak."""
        speaking = asyncio.create_task(self._keep_alive())
        try:
            with contextlib.suppress(WebSocketDisconnect):
                while True:
                    try:
                        async with asyncio.timeout(self._silence):
                            message = await socket.receive()
                    except TimeoutError:
                        self._fail(0, "TIMEOUT", "No keepalive came in time", close=True)
                        await self._connection.drained()
                        return
                    if message["type"] == "websocket.disconnect":
                        return
                    self._hear(message.get("text") or message.get("bytes") or b"")
        finally:
            speaking.cancel()

    def leave(self) -> None:
        self._simulator.data.leave(self._subscriber)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._speaks_every or _DEFAULT_KEEPALIVE / 2)
            self._say({"type": "KEEPALIVE", "channel": 0})

    def _hear(self, raw: str | bytes) -> None:
        try:
            message = json.loads(raw)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("channel"), int):
            self._fail(0, "BAD_ACTION", "A message must be an object with a channel")
            return
        match message.get("type"):
            case "SETUP":
                self._setup(message)
            case "AUTH":
                self._auth(message.get("token"))
            case "KEEPALIVE":
                pass
            case kind if not self._authorized:
                self._fail(message["channel"], "UNAUTHORIZED", f"{kind} needs an authorized connection")
            case "CHANNEL_REQUEST":
                self._open(message)
            case "CHANNEL_CANCEL":
                self._cancel(message["channel"])
            case "FEED_SETUP":
                self._feed_setup(message)
            case "FEED_SUBSCRIPTION":
                self._subscribe(message)
            case kind:
                self._fail(message["channel"], "UNSUPPORTED_PROTOCOL", f"Unknown message type {kind}")

    def _setup(self, message: dict[str, Any]) -> None:
        self._silence = max(_seconds(message.get("keepaliveTimeout")), _LEAST_KEEPALIVE)
        self._speaks_every = max(_seconds(message.get("acceptKeepaliveTimeout")) / 2, _LEAST_KEEPALIVE)
        self._say(
            {
                "type": "SETUP",
                "channel": 0,
                "keepaliveTimeout": 60,
                "acceptKeepaliveTimeout": 60,
                "version": "1.0-simulated",
            }
        )
        self._say({"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"})

    def _auth(self, token: object) -> None:
        user = self._simulator.tokens.quote_user(token)
        if user is None:
            self._fail(0, "UNAUTHORIZED", "The token is invalid or has expired", close=True)
            return
        if not self._authorized:
            self._authorized = True
            self._simulator.data.join(self._subscriber)
        self._say({"type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED", "userId": user})

    def _expired(self) -> None:
        self._authorized = False

    def _open(self, message: dict[str, Any]) -> None:
        number = message["channel"]
        if message.get("service") != "FEED" or number % 2 == 0:
            self._fail(number, "BAD_ACTION", "Clients open odd channels for the service FEED")
            return
        channels = self._subscriber.channels
        if number in channels:
            self._fail(number, "BAD_ACTION", f"Channel {number} is open already")
            return
        channels[number] = Channel(number, {kind: list(fields) for kind, fields in dx_events.FIELDS.items()})
        self._say(
            {
                "type": "CHANNEL_OPENED",
                "channel": number,
                "service": "FEED",
                "parameters": {"contract": "AUTO", "subFormat": "LIST"},
            }
        )

    def _cancel(self, number: int) -> None:
        if self._subscriber.channels.pop(number, None) is not None:
            self._say({"type": "CHANNEL_CLOSED", "channel": number})

    def _feed_setup(self, message: dict[str, Any]) -> None:
        channel = self._channel(message)
        if channel is None:
            return
        given = message.get("acceptEventFields")
        for kind, fields in (given if isinstance(given, dict) else {}).items():
            if kind in dx_events.FIELDS and isinstance(fields, list):
                channel.fields[kind] = [str(field) for field in fields]
        self._say(
            {
                "type": "FEED_CONFIG",
                "channel": channel.number,
                "dataFormat": "COMPACT",
                "aggregationPeriod": message.get("acceptAggregationPeriod", 0.1),
                "eventFields": channel.fields,
            }
        )

    def _subscribe(self, message: dict[str, Any]) -> None:
        channel = self._channel(message)
        if channel is None:
            return
        if message.get("reset") is True:
            channel.wanted.clear()
        for kind, name, _ in _entries(message.get("remove")):
            channel.wanted.discard((kind, name))
        for kind, name, since in _entries(message.get("add")):
            if kind not in dx_events.FIELDS:
                self._fail(channel.number, "BAD_ACTION", f"Unknown event type {kind}")
                continue
            if kind == "Candle" and self._simulator.faults.take("refuse_candles"):
                self._fail(channel.number, "UNAUTHORIZED", f"No entitlement for {kind}")
                continue
            channel.wanted.add((kind, name))
            events = self._simulator.data.first(kind, name, since)
            if events:
                channel.add(kind, events)
        self._simulator.data.flush(self._subscriber)

    def _channel(self, message: dict[str, Any]) -> Channel | None:
        channel = self._subscriber.channels.get(message["channel"])
        if channel is None:
            self._fail(message["channel"], "BAD_ACTION", f"Channel {message['channel']} is not open")
        return channel

    def _fail(self, channel: int, error: str, text: str, *, close: bool = False) -> None:
        self._say({"type": "ERROR", "channel": channel, "error": error, "message": text})
        if close:
            self._connection.close()

    def _say(self, message: dict[str, Any]) -> None:
        self._connection.send(json.dumps(message))


def _seconds(given: object) -> float:
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else _DEFAULT_KEEPALIVE


def _entries(given: object) -> list[tuple[str, str, int | None]]:
    """Type, symbol and start (milliseconds) of a list of subscriptions; what is malformed is left out."""
    found = []
    for one in given if isinstance(given, list) else []:
        if isinstance(one, dict) and isinstance(one.get("type"), str) and isinstance(one.get("symbol"), str):
            since = one.get("fromTime")
            found.append((one["type"], one["symbol"], int(since) if isinstance(since, int | float) else None))
    return found
