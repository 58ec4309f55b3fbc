"""Shares and option contracts as the broker lists them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from functions.core.identity import named_uuid
from functions.core.instruments import OptionSymbol
from local.simulators.tastytrade import refusals, symbols
from local.simulators.tastytrade.envelope import listed, paged, single
from local.simulators.tastytrade.route_context import login_of, simulator_of, smaller_pages
from local.simulators.tastytrade.simulator import Simulator
from local.simulators.tastytrade.wire import NEW_YORK, instant, money
from local.simulators.venue.option_market import PENNY_NAMES

_SHARES: Final = 100
_FRIDAY, _THIRD_FROM, _THIRD_TO = 4, 15, 21
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


async def option(request: Request) -> Response:
    login_of(request)
    simulator = simulator_of(request)
    symbol = symbols.canonical(request.path_params["symbol"])
    found = simulator.options.listed(symbol)
    if found is None:
        raise refusals.not_found(f"equity option {symbol}")
    return single(request, option_row(simulator, found))


async def options(request: Request) -> Response:
    login_of(request)
    simulator = simulator_of(request)
    wanted = [symbols.canonical(symbol) for symbol in request.query_params.getlist("symbol[]")]
    found = [simulator.options.listed(symbol) for symbol in wanted]
    rows = [option_row(simulator, one) for one in found if one is not None]
    return paged(request, rows, default=250, most=1000, at_most=smaller_pages(request))


async def chain(request: Request) -> Response:
    """Every contract of an underlying, one row each."""
    simulator, underlying = _of_chain(request)
    return listed(request, [option_row(simulator, one) for one in simulator.options.chain(underlying)])


async def nested_chain(request: Request) -> Response:
    """The same by expiration and strike."""
    simulator, underlying = _of_chain(request)
    strikes: dict[date, dict[Decimal, dict[str, Any]]] = {}
    for one in simulator.options.chain(underlying):
        row = strikes.setdefault(one.expiry, {}).setdefault(one.strike, {"strike-price": money(one.strike)})
        row[one.right] = one.padded()
        row[f"{one.right}-streamer-symbol"] = symbols.streamer(str(one))
    expirations = [
        {
            "expiration-type": _expiration_type(expiry),
            "expiration-date": expiry.isoformat(),
            "days-to-expiration": _days_to(simulator, expiry),
            "settlement-type": "PM",
            "strikes": [of_expiry[strike] for strike in sorted(of_expiry)],
        }
        for expiry, of_expiry in sorted(strikes.items())
    ]
    row = {
        "underlying-symbol": symbols.outside(underlying),
        "root-symbol": symbols.outside(underlying),
        "option-chain-type": "Standard",
        "shares-per-contract": _SHARES,
        "tick-sizes": option_ticks(underlying),
        "deliverables": [],
        "expirations": expirations,
    }
    return listed(request, [row])


def option_row(simulator: Simulator, found: OptionSymbol) -> dict[str, Any]:
    expires_at = simulator.options.expires_at(found.expiry)
    return {
        "symbol": found.padded(),
        "instrument-type": "Equity Option",
        "active": simulator.options.is_active(found),
        "strike-price": money(found.strike),
        "root-symbol": symbols.outside(found.root),
        "underlying-symbol": symbols.outside(found.root),
        "expiration-date": found.expiry.isoformat(),
        "exercise-style": "American",
        "shares-per-contract": _SHARES,
        "option-type": "C" if found.right == "call" else "P",
        "option-chain-type": "Standard",
        "expiration-type": _expiration_type(found.expiry),
        "settlement-type": "PM",
        "stops-trading-at": instant(expires_at),
        "expires-at": instant(expires_at),
        "market-time-instrument-collection": "Equity Option",
        "days-to-expiration": _days_to(simulator, found.expiry),
        "is-closing-only": False,
        "streamer-symbol": symbols.streamer(str(found)),
    }


def _of_chain(request: Request) -> tuple[Simulator, str]:
    login_of(request)
    simulator, underlying = simulator_of(request), symbols.canonical(request.path_params["symbol"])
    if underlying not in simulator.prices.symbols:
        raise refusals.not_found(f"option chain of {underlying}")
    return simulator, underlying


def _days_to(simulator: Simulator, expiry: date) -> int:
    return (expiry - simulator.now().astimezone(NEW_YORK).date()).days


def _expiration_type(expiry: date) -> str:
    third_friday = expiry.weekday() == _FRIDAY and _THIRD_FROM <= expiry.day <= _THIRD_TO
    return "Regular" if third_friday else "Weekly"


routes = [
    Route("/instruments/equity-options", options, methods=["GET"]),
    Route("/instruments/equity-options/{symbol:path}", option, methods=["GET"]),
    Route("/option-chains/{symbol}/nested", nested_chain, methods=["GET"]),
    Route("/option-chains/{symbol}", chain, methods=["GET"]),
    Route("/instruments/equities", equities, methods=["GET"]),
    Route("/instruments/equities/active", equities, methods=["GET"]),
    Route("/instruments/equities/{symbol:path}", one_equity, methods=["GET"]),
]
