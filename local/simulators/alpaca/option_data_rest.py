"""Data REST for options. The tapes have no options, so every answer is the empty one that Alpaca gives."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.alpaca.route_context import require_data_key


def _empty(path: str, answer: dict[str, Any]) -> Route:
    async def route(request: Request) -> Response:
        require_data_key(request)
        return JSONResponse(answer)

    return Route(path, route, methods=["GET"])


routes = [
    _empty("/v1beta1/options/bars", {"bars": {}, "next_page_token": None}),
    _empty("/v1beta1/options/trades", {"trades": {}, "next_page_token": None}),
    _empty("/v1beta1/options/quotes/latest", {"quotes": {}}),
    _empty("/v1beta1/options/trades/latest", {"trades": {}}),
    _empty("/v1beta1/options/snapshots", {"snapshots": {}, "next_page_token": None}),
    _empty("/v1beta1/options/snapshots/{underlying}", {"snapshots": {}, "next_page_token": None}),
]
