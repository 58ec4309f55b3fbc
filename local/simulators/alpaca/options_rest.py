"""Trading REST: option contracts, in pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import exchange_date
from functions.core.money import decimal, text
from local.simulators.alpaca import refusals
from local.simulators.alpaca.order_view import asset_id
from local.simulators.alpaca.route_context import require_data_key
from local.simulators.alpaca.simulator import Simulator
from local.simulators.alpaca.wire import whole

_DEFAULT_ROWS, _MOST_ROWS = 100, 10_000
_SATURDAY = 5


async def list_contracts(request: Request) -> Response:
    simulator, query = require_data_key(request), request.query_params
    if query.get("status", "active") != "active":
        return JSONResponse({"option_contracts": [], "next_page_token": None})
    symbols = [name for name in (query.get("underlying_symbols") or "").split(",") if name]
    is_wanted = _filter(simulator, request)
    found = [
        option
        for symbol in symbols or simulator.prices.symbols
        if symbol in simulator.prices.symbols
        for option in simulator.options.chain(symbol)
        if is_wanted(option)
    ]
    limit = whole(query.get("limit"), "limit", default=_DEFAULT_ROWS, most=_MOST_ROWS)
    token = query.get("page_token") or "0"
    if not token.isdecimal():
        raise refusals.invalid(f"invalid page_token {token!r}")
    start = int(token)
    following = str(start + limit) if start + limit < len(found) else None
    rows = [contract(simulator, option) for option in found[start : start + limit]]
    return JSONResponse({"option_contracts": rows, "next_page_token": following})


async def get_contract(request: Request) -> Response:
    simulator, name = require_data_key(request), request.path_params["symbol"]
    option = simulator.options.listed(name)
    if option is None:
        raise refusals.not_found(f"option contract not found for {name}")
    return JSONResponse(contract(simulator, option))


def contract(simulator: Simulator, option: OptionSymbol) -> dict[str, Any]:
    """A contract as Alpaca lists it."""
    symbol = str(option)
    is_active = simulator.options.is_active(option)
    return {
        "id": asset_id(symbol),
        "symbol": symbol,
        "name": f"{option.root} {option.expiry:%b %d %Y} {text(option.strike)} {option.right.capitalize()}",
        "status": "active" if is_active else "inactive",
        "tradable": is_active,
        "expiration_date": option.expiry.isoformat(),
        "root_symbol": option.root,
        "underlying_symbol": option.root,
        "underlying_asset_id": asset_id(option.root),
        "type": option.right,
        "style": "american",
        "strike_price": text(option.strike),
        "size": "100",
        "open_interest": str(simulator.options.open_interest(option)),
        "open_interest_date": simulator.options.counted_on().isoformat(),
        "close_price": None,
        "close_price_date": None,
    }


def _filter(simulator: Simulator, request: Request) -> Callable[[OptionSymbol], bool]:
    query = request.query_params
    on, least, most = (_day(query.get(name), name) for name in _DATES)
    low, high = (_price(query.get(name), name) for name in ("strike_price_gte", "strike_price_lte"))
    right = query.get("type")
    if right not in (None, "call", "put"):
        raise refusals.invalid(f"invalid type: expected call or put, was {right!r}")
    if on is None and least is None and most is None:
        # Without bounds Alpaca lists what expires up to the next weekend only.
        today = exchange_date(simulator.now())
        most = date.fromordinal(today.toordinal() + (_SATURDAY - today.weekday()) % 7)

    def is_wanted(option: OptionSymbol) -> bool:
        return (
            (on is None or option.expiry == on)
            and (least is None or option.expiry >= least)
            and (most is None or option.expiry <= most)
            and (low is None or option.strike >= low)
            and (high is None or option.strike <= high)
            and (right is None or option.right == right)
        )

    return is_wanted


_DATES = ("expiration_date", "expiration_date_gte", "expiration_date_lte")


def _day(value: str | None, field: str) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise refusals.invalid(f"invalid {field}: expected a day, was {value!r}") from None


def _price(value: str | None, field: str) -> Decimal | None:
    try:
        return None if value is None else decimal(value, field)
    except BadInput as error:
        raise refusals.invalid(error.text) from None


routes = [
    Route("/v2/options/contracts", list_contracts, methods=["GET"]),
    Route("/v2/options/contracts/{symbol}", get_contract, methods=["GET"]),
]
