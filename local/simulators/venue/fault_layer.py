"""The layer in front of the routes: it makes requests fail the way networks and brokers fail, and it lets held stream
messages out once the answer is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.simulators.venue.faults import Faults, RequestFault

_NEVER_ANSWERED_SECONDS = 60.0


class _Cycle(Protocol):
    """What the server hands out behind `send`: the only way to reset a connection."""

    transport: asyncio.Transport


class FaultLayer:
    """Wraps the application.

    `account_of` names the account of a request by its headers and path, `release` sends the stream messages that are
    held back until the answer has gone.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        faults: Faults,
        account_of: Callable[[Headers, str], str | None],
        release: Callable[[], None],
    ) -> None:
        self._app = app
        self._faults = faults
        self._account_of = account_of
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._http(scope, receive, send)
        finally:
            self._release()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        account_id = self._account_of(Headers(scope=scope), scope["path"])
        fault = self._faults.take_request(scope["method"], scope["path"], account_id)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._strike(fault, scope, receive, send)

    async def _strike(self, fault: RequestFault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.carried_out:
            await self._carry_out(scope, receive)
        if fault.ends == "silence":
            await _wait_for_client(receive)
            await _reset(receive, send)
        elif fault.ends == "reset":
            await _reset(receive, send)
        else:
            await fault.ends()(scope, receive, send)

    async def _carry_out(self, scope: Scope, receive: Receive) -> None:
        """Does what the request asks; the answer goes nowhere, the stream messages go out."""

        async def nowhere(_: Message) -> None:
            return None

        await self._app(scope, receive, nowhere)
        self._release()


async def _wait_for_client(receive: Receive) -> None:
    """Until the client gives up, or for so long that any client has."""
    try:
        async with asyncio.timeout(_NEVER_ANSWERED_SECONDS):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _reset(receive: Receive, send: Send) -> None:
    cycle = cast("_Cycle", getattr(send, "__self__", None))
    cycle.transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
