"""One DXLink connection: dxFeed's market data protocol, as tastytrade offers it.

The SDK's streamer drops events that its models refuse without a word, notices no silence, and loses its subscriptions
with the connection; so the protocol is spoken here. Values come flat, in the order of the fields that were agreed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from websockets.asyncio.client import ClientConnection

from functions.brokers.errors import NotConnected
from functions.brokers.protocol import Quarantined
from functions.brokers.tastytrade_stream import ANSWERED_WITHIN, opened

_VERSION: Final = "0.1-DXF-JS/0.3.0"
_KEEPALIVE: Final = 30.0
_DEAD_AFTER: Final = 60
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "Quote": (*("eventSymbol", "eventTime", "bidTime", "askTime", "bidPrice", "askPrice", "bidSize", "askSize"),),
    "Candle": (
        *("eventSymbol", "eventTime", "eventFlags", "time", "sequence", "count", "volume"),
        *("open", "high", "low", "close"),
    ),
    "TimeAndSale": (
        *("eventSymbol", "eventTime", "eventFlags", "index", "time", "price", "size", "extendedTradingHours"),
        *("validTick", "type", "exchangeSaleConditions"),
    ),
}
_CHANNELS: Final = {"Candle": 1, "Quote": 7, "TimeAndSale": 13}
# Each of them stands in for the other: that one is refused ends no connection.
_MAY_BE_REFUSED: Final = frozenset({"Candle", "TimeAndSale"})
_KINDS: Final = {channel: kind for kind, channel in _CHANNELS.items()}
_AGGREGATION: Final = 0.1

TX_PENDING, REMOVED, SNAPSHOT_BEGIN, SNAPSHOT_END, SNAPSHOT_SNIP = 0x01, 0x02, 0x04, 0x08, 0x10


class Event(NamedTuple):
    """One event: its kind, and its values by field."""

    kind: str
    values: Mapping[str, Any]


class DxLink:
    """A connection that is signed in. Its methods raise NotConnected, and the websocket's own errors."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._fields = dict(_FIELDS)
        self._opened: set[str] = set()
        self._set_up: set[str] = set()
        self._waiting: list[Event | Quarantined] = []
        self.refused: set[str] = set()
        """The kinds of events that the peer will not serve, of those that a connection can do without."""

    async def subscribe(self, kind: str, symbols: Sequence[Mapping[str, Any]]) -> None:
        """Asks for events of these symbols: `symbol`, and of candles `fromTime` in milliseconds since 1970.

        The first time of a kind it reads what comes: then nobody else may.
        """
        if kind not in self._opened:
            await self.request(kind)
            async with asyncio.timeout(ANSWERED_WITHIN):
                while not self.is_open(kind) and kind not in self.refused:
                    await self._hear()
            if kind in self.refused:
                return
        await self.add(kind, symbols)

    async def request(self, kind: str) -> None:
        """Asks for a channel for this kind of event; `is_open` once the peer has answered."""
        parameters = {"contract": "AUTO"}
        await self._say(
            {"type": "CHANNEL_REQUEST", "channel": _CHANNELS[kind], "service": "FEED", "parameters": parameters}
        )

    def is_open(self, kind: str) -> bool:
        return kind in self._opened

    async def add(self, kind: str, symbols: Sequence[Mapping[str, Any]]) -> None:
        """As `subscribe`, on a channel that is open. It reads nothing."""
        channel = _CHANNELS[kind]
        if kind not in self._set_up:
            await self._say(
                {
                    "type": "FEED_SETUP",
                    "channel": channel,
                    "acceptAggregationPeriod": _AGGREGATION,
                    "acceptDataFormat": "COMPACT",
                    "acceptEventFields": {kind: list(_FIELDS[kind])},
                }
            )
            self._set_up.add(kind)
        add = [{**one, "type": kind} for one in symbols]
        await self._say({"type": "FEED_SUBSCRIPTION", "channel": channel, "add": add})

    async def unsubscribe(self, kind: str) -> None:
        """Asks for no event of this kind any more."""
        await self._say({"type": "FEED_SUBSCRIPTION", "channel": _CHANNELS[kind], "reset": True})

    async def events(self) -> list[Event | Quarantined]:
        """What came since the last call, at least one message. A peer that says nothing for a minute is gone."""
        async with asyncio.timeout(_DEAD_AFTER):
            await self._hear()
        found, self._waiting = self._waiting, []
        return found

    async def authorize(self, token: str) -> None:
        """The first words of a connection."""
        await self._say(
            {
                "type": "SETUP",
                "channel": 0,
                "version": _VERSION,
                "keepaliveTimeout": _DEAD_AFTER,
                "acceptKeepaliveTimeout": _DEAD_AFTER,
            }
        )
        async with asyncio.timeout(ANSWERED_WITHIN):
            asked = False
            while True:
                message = await self._message()
                if message.get("type") == "ERROR":
                    raise _error(message)
                if message.get("type") != "AUTH_STATE":
                    continue
                if message.get("state") == "AUTHORIZED":
                    return
                if asked:
                    raise NotConnected("STREAM_REFUSED", "the market data stream does not take the token")
                await self._say({"type": "AUTH", "channel": 0, "token": token})
                asked = True

    async def keep_alive(self) -> None:
        """Never ends."""
        while True:
            await asyncio.sleep(_KEEPALIVE)
            await self._say({"type": "KEEPALIVE", "channel": 0})

    async def _say(self, message: Mapping[str, Any]) -> None:
        await self._socket.send(json.dumps(message))

    async def _message(self) -> Mapping[str, Any]:
        raw = await self._socket.recv()
        try:
            message = json.loads(raw)
        except ValueError:
            message = None
        if isinstance(message, dict):
            return message
        self._waiting.append(Quarantined("a message of the market data stream that cannot be read", repr(raw)[:2000]))
        return {}

    async def _hear(self) -> None:
        message = await self._message()
        kind, known = message.get("type"), _KINDS.get(message.get("channel", 0))
        if kind == "ERROR":
            if known not in _MAY_BE_REFUSED:
                raise _error(message)
            self.refused.add(known)
            return
        if kind == "AUTH_STATE" and message.get("state") != "AUTHORIZED":
            raise NotConnected("TOKEN_EXPIRED", "the market data stream asks for a new token")
        if kind == "CHANNEL_CLOSED":
            raise NotConnected("STREAM_CLOSED", "the market data stream closed a channel")
        if known is None:
            return
        if kind == "CHANNEL_OPENED":
            self._opened.add(known)
        elif kind == "FEED_CONFIG":
            agreed = message.get("eventFields")
            if isinstance(agreed, dict) and isinstance(agreed.get(known), list) and agreed[known]:
                self._fields[known] = tuple(str(field) for field in agreed[known])
        elif kind == "FEED_DATA":
            self._waiting.extend(self._events(message.get("data"), known))

    def _events(self, data: object, channel_kind: str) -> list[Event | Quarantined]:
        """Compact: kind, values, kind, values...; full: objects. Each in a list of its own."""
        if not isinstance(data, list):
            return [Quarantined("expected a list of events", repr(data)[:2000])]
        found: list[Event | Quarantined] = []
        kind = channel_kind
        for part in data:
            if isinstance(part, str):
                kind = part
            elif isinstance(part, dict):
                found.append(Event(str(part.get("eventType", kind)), part))
            elif isinstance(part, list):
                found.extend(self._compact(kind, part))
            else:
                found.append(Quarantined("expected events", repr(part)[:2000]))
        return found

    def _compact(self, kind: str, values: list[Any]) -> list[Event | Quarantined]:
        fields = self._fields.get(kind)
        if fields is None:
            return []  # nobody asked for it
        if len(values) % len(fields):
            reason = f"expected events of {len(fields)} values, was {len(values)} values"
            return [Quarantined(reason, repr(values)[:2000])]
        starts = range(0, len(values), len(fields))
        return [Event(kind, dict(zip(fields, values[start : start + len(fields)], strict=True))) for start in starts]


@asynccontextmanager
async def dxlink(url: str, token: str) -> AsyncIterator[DxLink]:
    """A connection to `url`, signed in by `token` and kept alive. Raises NotConnected and the websocket's errors."""
    async with opened(url) as socket:
        link = DxLink(socket)
        await link.authorize(token)
        keeping = asyncio.create_task(link.keep_alive())
        try:
            yield link
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await keeping


def _error(message: Mapping[str, Any]) -> NotConnected:
    return NotConnected("STREAM_ERROR", f"the market data stream says {message.get('error')}: {message.get('message')}")
