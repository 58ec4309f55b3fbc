"""Shares and option contracts as the broker lists them."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from functions.core.identity import named_uuid
from local.simulators.tastytrade import refusals, symbols
from local.simulators.tastytrade.envelope import paged, single
from local.simulators.tastytrade.route_context import login_of, simulator_of, smaller_pages
from local.simulators.venue.option_market import PENNY_NAMES

_STOCK_TICKS: Final = [{"threshold": "1.0", "value": "0.0001"}, {"value": "0.01"}]


async def equities(request: Request) -> Response:
    login_of(request)
    simulator, query = simulator_of(request), request.query_params
    wanted = {symbols.canonical(symbol) for symbol in query.getlist("symbol[]")}
    rows = [equity(symbol) for symbol in simulator.prices.symbols if not wanted or symbol in wanted]
    return paged(request, rows, default=250, most=1000, at_most=smaller_pages(request))


async def one_equity(request: Request) -> Response:
    login_of(request)
    symbol = symbols.canonical(request.path_params["symbol"])
    if symbol not in simulator_of(request).prices.symbols:
        raise refusals.not_found(f"equity {symbol}")
    return single(request, equity(symbol))


def equity(symbol: str) -> dict[str, Any]:
    return {
        "id": named_uuid("tastytrade-instrument", symbol).int % 1_000_000,
        "symbol": symbols.outside(symbol),
        "instrument-type": "Equity",
        "short-description": symbol,
        "description": symbol,
        "is-index": False,
        "listed-market": "ARCA",
        "lendability": "Easy To Borrow",
        "borrow-rate": "0.0",
        "market-time-instrument-collection": "Equity",
        "is-closing-only": False,
        "is-options-closing-only": False,
        "active": True,
        "is-fractional-quantity-eligible": True,
        "is-illiquid": False,
        "is-etf": True,
        "streamer-symbol": symbols.streamer(symbol),
        "tick-sizes": _STOCK_TICKS,
        "option-tick-sizes": option_ticks(symbol),
    }


def option_ticks(underlying: str) -> list[dict[str, str]]:
    if underlying in PENNY_NAMES:
        return [{"value": "0.01"}]
    return [{"threshold": "3.0", "value": "0.01"}, {"value": "0.05"}]


routes = [
    Route("/instruments/equities", equities, methods=["GET"]),
    Route("/instruments/equities/active", equities, methods=["GET"]),
    Route("/instruments/equities/{symbol:path}", one_equity, methods=["GET"]),
]
