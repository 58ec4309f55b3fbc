"""The layer in front of the routes: it makes requests fail the way networks and brokers fail, and it lets held trade
updates out once the answer is on its way."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.simulators.alpaca.route_context import KEY_HEADER, SECRET_HEADER
from local.simulators.alpaca.simulator import Simulator

_NEVER_ANSWERED_SECONDS = 60.0


class _Cycle(Protocol):
    """What the server hands out behind `send`: the only way to reset a connection."""

    transport: asyncio.Transport


class FaultLayer:
    """Wraps the application; `scope["app"]` is not known here yet, so it gets the simulator itself."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._http(scope, receive, send)
        finally:
            self._simulator.trades.release()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        desk = self._simulator.desk_of(headers.get(KEY_HEADER), headers.get(SECRET_HEADER))
        account_id = None if desk is None else desk.account_id
        fault = self._simulator.faults.take_request(scope["method"], scope["path"], account_id)
        match None if fault is None else fault.switch:
            case "reject_429":
                answer = JSONResponse({"code": 42910000, "message": "rate limit exceeded"}, status_code=429)
                await answer(scope, receive, send)
            case "reset_before_accept":
                await _reset(receive, send)
            case "reset_after_accept":
                await self._carry_out(scope, receive)
                await _reset(receive, send)
            case "error_504_after_accept":
                await self._carry_out(scope, receive)
                await JSONResponse({"code": 50410000, "message": "timeout"}, status_code=504)(scope, receive, send)
            case "timeout_after_accept":
                await self._carry_out(scope, receive)
                await _wait_for_client(receive)
                await _reset(receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _carry_out(self, scope: Scope, receive: Receive) -> None:
        """Does what the request asks; the answer goes nowhere, the trade updates go out."""

        async def nowhere(_: Message) -> None:
            return None

        await self._app(scope, receive, nowhere)
        self._simulator.trades.release()


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
