"""Data REST for options: the latest quotes, snapshots with greeks, chains. Options do not print, so there are no trades
and no bars."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.alpaca import data_wire, refusals
from local.simulators.alpaca.route_context import require_data_key
from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue.clock import instant
from local.simulators.venue.option_market import OptionView

_MOST_SYMBOLS = 100
_CHAIN_PAGE = 1000


async def latest_quotes(request: Request) -> Response:
    simulator = require_data_key(request)
    views = _views(simulator, _symbols(request))
    return JSONResponse({"quotes": {symbol: _quote(view) for symbol, view in views.items()}})


async def snapshots(request: Request) -> Response:
    simulator = require_data_key(request)
    views = _views(simulator, _symbols(request))
    found = {symbol: snapshot(view) for symbol, view in views.items()}
    return JSONResponse({"snapshots": found, "next_page_token": None})


async def chain(request: Request) -> Response:
    simulator, query = require_data_key(request), request.query_params
    underlying = request.path_params["underlying"]
    listed = simulator.options.chain(underlying) if underlying in simulator.prices.symbols else []
    expiry, right = query.get("expiration_date"), query.get("type")
    wanted = [
        str(option)
        for option in listed
        if (expiry is None or option.expiry.isoformat() == expiry) and (right is None or option.right == right)
    ]
    token = query.get("page_token") or "0"
    if not token.isdecimal():
        raise refusals.bad_data_request(f"invalid page_token: {token}")
    start = int(token)
    views = _views(simulator, wanted[start : start + _CHAIN_PAGE])
    following = str(start + _CHAIN_PAGE) if start + _CHAIN_PAGE < len(wanted) else None
    found = {symbol: snapshot(view) for symbol, view in views.items()}
    return JSONResponse({"snapshots": found, "next_page_token": following})


def snapshot(view: OptionView) -> dict[str, Any]:
    """The latest quote with greeks; nothing was ever printed."""
    return {
        "latestQuote": _quote(view),
        "impliedVolatility": round(view.volatility, 4),
        "greeks": data_wire.greeks(view),
    }


def _quote(view: OptionView) -> dict[str, Any]:
    return {"t": instant(view.at), **data_wire.option_quote(view)}


def _views(simulator: Simulator, symbols: list[str]) -> dict[str, OptionView]:
    found = simulator.options.views(symbols)
    return {symbol: view for symbol, view in found.items() if view is not None}


def _symbols(request: Request) -> list[str]:
    symbols = [symbol for symbol in (request.query_params.get("symbols") or "").split(",") if symbol]
    if not symbols:
        raise refusals.bad_data_request("symbols is required")
    if len(symbols) > _MOST_SYMBOLS:
        raise refusals.bad_data_request(f"at most {_MOST_SYMBOLS} symbols, was {len(symbols)}")
    return symbols


def _empty(path: str, answer: dict[str, Any]) -> Route:
    async def route(request: Request) -> Response:
        require_data_key(request)
        return JSONResponse(answer)

    return Route(path, route, methods=["GET"])


routes = [
    _empty("/v1beta1/options/bars", {"bars": {}, "next_page_token": None}),
    _empty("/v1beta1/options/trades", {"trades": {}, "next_page_token": None}),
    _empty("/v1beta1/options/trades/latest", {"trades": {}}),
    Route("/v1beta1/options/quotes/latest", latest_quotes, methods=["GET"]),
    Route("/v1beta1/options/snapshots", snapshots, methods=["GET"]),
    Route("/v1beta1/options/snapshots/{underlying}", chain, methods=["GET"]),
]
