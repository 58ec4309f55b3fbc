"""Putting the routes together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp

from functions.core.errors import AgentTraderError
from local.simulators.alpaca import (
    account_rest,
    control,
    corporate_actions_rest,
    data_rest,
    option_data_rest,
    options_rest,
    trading_rest,
)
from local.simulators.alpaca.data_stream import data_stream
from local.simulators.alpaca.refusals import Refusal, of_desk
from local.simulators.alpaca.route_context import account_of
from local.simulators.alpaca.simulator import Simulator
from local.simulators.alpaca.trade_stream import trade_stream
from local.simulators.venue.fault_layer import FaultLayer
from local.simulators.venue.pace import Pace
from local.simulators.venue.refusal import DeskRefusal

_LOG = logging.getLogger("agenttrader.alpaca")


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
            *trading_rest.routes,
            *account_rest.routes,
            *options_rest.routes,
            *data_rest.routes,
            *option_data_rest.routes,
            *corporate_actions_rest.routes,
            *control.routes,
            WebSocketRoute("/stream", trade_stream),
            WebSocketRoute("/v2/{feed}", data_stream),
            WebSocketRoute("/v1beta1/{feed}", data_stream),
        ],
        exception_handlers={
            Refusal: _refused,
            DeskRefusal: _refused,
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
        app,
        faults=simulator.faults,
        account_of=lambda headers, _: account_of(simulator, headers),
        release=simulator.release,
    )


async def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, DeskRefusal):
        error = of_desk(error)
    if not isinstance(error, Refusal):
        raise error
    return JSONResponse(error.body, status_code=error.status)


async def _bad_control(_: Request, error: Exception) -> Response:
    if not isinstance(error, AgentTraderError):
        raise error
    return JSONResponse({"code": 42210000, "message": str(error)}, status_code=422)


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = "endpoint not found." if status == 404 else "method not allowed"
    return JSONResponse({"code": status * 100_000 + 10_000, "message": message}, status_code=status)


async def _broken(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"code": 50010000, "message": "internal server error occurred"}, status_code=500)
