"""The token endpoint."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.tastytrade import refusals
from local.simulators.tastytrade.route_context import login_of, simulator_of
from local.simulators.tastytrade.wire import body


async def token(request: Request) -> Response:
    """Exchanges a refresh token for an access token."""
    values = await body(request)
    if values.get("grant_type") != "refresh_token":
        raise refusals.Refusal(
            400, {"error_code": "unsupported_grant_type", "error_description": "grant_type must be refresh_token"}
        )
    simulator = simulator_of(request)
    short = simulator.faults.take("short_tokens")
    made = simulator.tokens.exchange(
        values.get("client_secret"),
        values.get("refresh_token"),
        seconds=None if short is None else short.numbers["seconds"],
    )
    return JSONResponse({"access_token": made.text, "token_type": "Bearer", "expires_in": made.seconds})


async def validate(request: Request) -> Response:
    login_of(request)
    return Response(status_code=201)


routes = [
    Route("/oauth/token", token, methods=["POST"]),
    Route("/sessions/validate", validate, methods=["POST"]),
]
