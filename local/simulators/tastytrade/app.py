"""Putting the routes together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import format_datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.core.errors import AgentTraderError
from local.simulators.tastytrade import account_rest, control, instruments_rest, market_rest, oauth_rest, orders_rest
from local.simulators.tastytrade.account_stream import account_stream
from local.simulators.tastytrade.dxlink import dxlink
from local.simulators.tastytrade.refusals import Refusal, coded
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.venue.fault_layer import FaultLayer
from local.simulators.venue.pace import Pace

_LOG = logging.getLogger("agenttrader.tastytrade")


def build(simulator: Simulator, *, tape: str, seed: int, speed: float | None = None) -> ASGIApp:
    """The application. `tape` and `seed` are what the simulator was loaded with; `speed` None means lock-step."""
    pace = Pace(simulator, speed)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        pace.start()
        yield
        pace.stop()

    app = Starlette(
        routes=[
            *oauth_rest.routes,
            *account_rest.routes,
            *orders_rest.routes,
            *market_rest.routes,
            *instruments_rest.routes,
            *control.routes,
            # The SDK connects to the bare address of the streamer.
            WebSocketRoute("/", account_stream),
            WebSocketRoute("/streamer", account_stream),
            WebSocketRoute("/realtime", dxlink),
        ],
        exception_handlers={
            Refusal: _refused,
            AgentTraderError: _bad_control,
            HTTPException: _no_route,
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    app.state.simulator = simulator
    app.state.pace = pace
    app.state.loaded = {"tape": tape, "seed": seed}
    return FaultLayer(
        _Dated(app, simulator),
        faults=simulator.faults,
        account_of=lambda headers, path: simulator.account_of(headers.get("authorization"), path),
        release=simulator.release,
    )


class _Dated:
    """Puts the tape's time into the answers' Date header, where the real one has its own."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app, self._simulator = app, simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self._simulator.now(), usegmt=True).encode()
                message["headers"] = [*message["headers"], (b"date", date)]
            await send(message)

        await self._app(scope, receive, dated if scope["type"] == "http" else send)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return JSONResponse(error.body, status_code=error.status)


async def _bad_control(_: Request, error: Exception) -> Response:
    if not isinstance(error, AgentTraderError):
        raise error
    return JSONResponse(coded(422, "bad_request", str(error)).body, status_code=422)


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = "route_not_found" if status == 404 else "method_not_allowed"
    return JSONResponse(coded(status, code, "No such route").body, status_code=status)


async def _broken(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse(coded(500, "internal_server_error", "Something went wrong").body, status_code=500)
