"""The SDK's websocket clients as generators that also say when they are subscribed, refused or over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Protocol, TypeVar

from functions.brokers.errors import BadCredentials, NotConnected, Unsupported
from functions.brokers.protocol import Connected
from functions.core.errors import AgentTraderError

Message = TypeVar("Message")
# Answers to a subscription that no second attempt changes: too many symbols, a feed that was not paid for.
_REFUSED_SUBSCRIPTIONS = (405, 409)


class _SdkStream(Protocol):
    async def _run_forever(self) -> Any: ...

    async def stop_ws(self) -> None: ...

    async def close(self) -> None: ...


async def follow(
    stream: _SdkStream, arrived: asyncio.Queue[Message | AgentTraderError]
) -> AsyncGenerator[Message, None]:
    """Runs the stream and yields what its handlers put into `arrived`; an error that they put there is raised.

    Raises NotConnected STREAM_ENDED where the SDK gives up: it returns then, and nobody would ever be told.
    """
    running = asyncio.create_task(stream._run_forever())  # noqa: SLF001 - run() would start a loop of its own
    running.add_done_callback(
        lambda _: arrived.put_nowait(NotConnected("STREAM_ENDED", "the stream has ended; it is to be opened again"))
    )
    try:
        while True:
            message = await arrived.get()
            if isinstance(message, AgentTraderError):
                raise message
            yield message
    finally:
        # The socket is closed before this returns: Alpaca lets a key have one, and the next one would be refused.
        # Told to stop as well as cancelled, because its websocket library swallows a cancel that comes while it closes.
        await stream.stop_ws()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await stream.close()


def telling(sdk: type[Any], arrived: asyncio.Queue[Any]) -> type[Any]:
    """The SDK's market data client that also says when it is subscribed, and why it never will be.

    A snapshot taken on `Connected` overlaps with the stream and loses nothing.
    """

    class Stream(sdk):  # type: ignore[misc] # any of the SDK's clients
        async def _dispatch(self, msg: dict[str, Any]) -> None:
            if msg.get("T") == "subscription":
                arrived.put_nowait(Connected())
            if msg.get("T") == "error" and msg.get("code") in _REFUSED_SUBSCRIPTIONS:
                arrived.put_nowait(Unsupported("STREAM_REFUSED", f"Alpaca refuses the stream: {msg.get('msg')}"))
            await super()._dispatch(msg)

        async def _auth(self) -> None:
            try:
                await super()._auth()
            except ValueError as error:
                refused = refusal(error)
                if refused is not None:
                    arrived.put_nowait(refused)
                raise

    return Stream


def refusal(error: ValueError) -> BadCredentials | None:
    """What the SDK's failed sign-in means; None where trying again, as it does by itself, may help."""
    if str(error) in ("auth failed", "failed to authenticate"):
        return BadCredentials("BAD_KEYS", "Alpaca's stream does not accept the keys; enter them again")
    return None
