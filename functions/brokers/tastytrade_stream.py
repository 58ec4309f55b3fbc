"""tastytrade's account streamer: full snapshots of orders, nothing repeated, closed within a minute without heartbeats.

The SDK's streamer sends none of those, says nothing of a reconnect because it makes none, and ends with the first
message that its models refuse. So the connection is kept here; the SDK's session signs in.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Final, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from functions.brokers.errors import BadResponse, NotConnected
from functions.brokers.orders import TradeUpdate
from functions.brokers.protocol import Connected, Quarantined
from functions.brokers.reading import mapping
from functions.brokers.reconnecting import Backoff
from functions.brokers.row_by_row import quarantined
from functions.brokers.tastytrade_client import TastytradeClient
from functions.brokers.tastytrade_wire import members

HEARTBEAT: Final = 20.0
"""Seconds; tastytrade asks for one every two seconds to a minute."""
ANSWERED_WITHIN: Final = 10.0
_LARGEST: Final = 16 * 1024 * 1024
_SOURCE: Final = "agenttrader"
_MOST_REMEMBERED: Final = 10_000
_WORKED: Final = 60.0
"""Seconds after which a connection is no failed attempt."""

Message = TypeVar("Message")
Put = Callable[[Message], None]
Talk = Callable[[Put[Message]], Coroutine[Any, Any, None]]
Heard = Connected | Quarantined | list[object]


async def account_messages(
    client: TastytradeClient,
    account_number: str,
    *,
    heartbeat: float = HEARTBEAT,
    answered_within: float = ANSWERED_WITHIN,
) -> AsyncGenerator[Heard, None]:
    """The unread orders of each message, for ever; `Connected` first and after each reconnect.

    Raises BadCredentials.
    """

    async def talk(put: Put[Heard]) -> None:
        await _Conversation(client, account_number, put, heartbeat, answered_within).hold()

    async with contextlib.aclosing(supervised(talk)) as messages:
        async for message in messages:
            yield message


async def supervised(talk: Talk[Message]) -> AsyncGenerator[Message, None]:
    """Runs `talk` again and again, and yields what it puts; it ends by raising, never by itself.

    What it raises besides a lost connection (NotConnected, a websocket's or socket's error, a timeout) is raised.
    """
    arrived: asyncio.Queue[Message | BaseException] = asyncio.Queue()

    async def keep() -> None:
        backoff, time = Backoff(), asyncio.get_running_loop().time
        while True:
            began = time()
            with contextlib.suppress(NotConnected, WebSocketException, OSError, TimeoutError, EOFError):
                await talk(arrived.put_nowait)
            if time() - began > _WORKED:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    running = asyncio.create_task(keep())

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        arrived.put_nowait(error or NotConnected("STREAM_ENDED", "the stream has ended; it is to be opened again"))

    running.add_done_callback(ended)
    try:
        while True:
            message = await arrived.get()
            if isinstance(message, BaseException):
                raise message
            yield message
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def opened(url: str) -> connect:
    """A websocket; its own pings stay on, because a peer that is gone answers none."""
    return connect(url, max_size=_LARGEST, open_timeout=ANSWERED_WITHIN, close_timeout=1)


class _Conversation:
    """One connection, from the sign-in to its end."""

    def __init__(
        self, client: TastytradeClient, number: str, put: Put[Heard], heartbeat: float, answered_within: float
    ) -> None:
        self._client = client
        self._number = number
        self._put = put
        self._heartbeat = heartbeat
        self._answered_within = answered_within
        self._requests = 0
        self._answered = asyncio.Event()

    async def hold(self) -> None:
        """Raises NotConnected where it is silent or refused, BadCredentials, and the websocket's own errors."""
        async with opened(self._client.streamer_url) as socket:
            # A token that had run out would be refused; the session renews it only where it knows.
            await self._say(socket, "connect", [self._number])
            async with asyncio.timeout(self._answered_within):
                while not self._answered.is_set():
                    await self._hear(await socket.recv())
            self._put(Connected())
            listening = asyncio.create_task(self._listen(socket))
            try:
                await self._prove_alive(socket, listening)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, socket: ClientConnection) -> None:
        async for raw in socket:
            await self._hear(raw)
        raise NotConnected("STREAM_CLOSED", "tastytrade closed the account stream")

    async def _prove_alive(self, socket: ClientConnection, listening: asyncio.Task[None]) -> None:
        """A heartbeat keeps the stream open, and its answer shows that somebody is there."""
        while True:
            done, _ = await asyncio.wait({listening}, timeout=self._heartbeat)
            if done:
                await listening
            self._answered.clear()
            await self._say(socket, "heartbeat")
            answered = asyncio.create_task(self._answered.wait())
            try:
                await asyncio.wait(
                    (listening, answered), timeout=self._answered_within, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                answered.cancel()
            if listening.done():
                await listening
            if not self._answered.is_set():
                raise NotConnected("STREAM_SILENT", "tastytrade's account stream does not answer; it is opened again")

    async def _say(self, socket: ClientConnection, action: str, value: list[str] | None = None) -> None:
        self._requests += 1
        said: dict[str, Any] = {
            "auth-token": f"Bearer {await self._client.token()}",
            "action": action,
            "request-id": self._requests,
            "source": _SOURCE,
        }
        await socket.send(json.dumps(said if value is None else said | {"value": value}))

    async def _hear(self, raw: str | bytes) -> None:
        try:
            message = mapping(json.loads(raw))
        except (ValueError, BadResponse):
            self._put(Quarantined("a message of the account stream that cannot be read", repr(raw)[:2000]))
            return
        kind = message.get("type")
        if kind is None:
            await self._hear_answer(dict(message))
            return
        try:
            if kind == "Order":
                self._put([message.get("data")])
            elif kind == "ComplexOrder":
                self._put(members(message.get("data")))
        except BadResponse as error:
            self._put(quarantined(error, message))

    async def _hear_answer(self, message: dict[str, Any]) -> None:
        if message.get("status") == "ok":
            if str(message.get("request-id")) == str(self._requests):
                self._answered.set()
            return
        if message.get("status") is None:
            self._put(Quarantined("a message of the account stream that is not known here", repr(message)[:2000]))
            return
        # It does not say why: most often the token. A new one is taken, and the stream opened again.
        with contextlib.suppress(NotConnected):
            await self._client.token(fresh=True)
        raise NotConnected("STREAM_REFUSED", f"tastytrade's account stream refuses: {message.get('message')}")


class News:
    """What of the snapshots of orders was not told yet: each repeats all that went before."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[object, ...]] = {}
        self._fills: dict[str, set[str]] = {}

    def of(self, update: TradeUpdate) -> TradeUpdate | None:
        """The update with its new executions alone; None where it says nothing new."""
        order = update.order
        known = self._fills.setdefault(order.broker_order_id, set())
        fills = tuple(fill for fill in update.fills if fill.execution_id not in known)
        said = (order.state, order.replaced_by)
        if not fills and self._told.get(order.broker_order_id) == said:
            return None
        known.update(fill.execution_id for fill in fills)
        self._told[order.broker_order_id] = said
        if len(self._told) > _MOST_REMEMBERED:
            self.forget()
        return dataclasses.replace(update, fills=fills)

    def forget(self) -> None:
        """Everything is news again."""
        self._told.clear()
        self._fills.clear()
