"""The control routes about accounts: adding and changing them, reading their books, and what brokers do by themselves
(assignment, dividends, deposits). For this machine only; no key. The simulator in the application's state is a Venue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Literal, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.errors import BadInput
from functions.core.money import decimal
from local.simulators.venue import book_view
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.clock import instant
from local.simulators.venue.control import json_object
from local.simulators.venue.refusal import DeskRefusal
from local.simulators.venue.venue import Venue

_CashKind = Literal["dividend", "interest", "deposit", "withdrawal", "fee"]
_CASH_KINDS: tuple[_CashKind, ...] = get_args(_CashKind)
_CHANGEABLE = ("shorting", "multiplier", "fees", "options_level", "blocked", "closing_only", "early_assignment_percent")


def _venue(request: Request) -> Venue:
    venue: Venue = request.app.state.simulator
    return venue


async def add_account(request: Request) -> Response:
    settings = AccountSettings.read(await json_object(request))
    _venue(request).add_account(settings)
    return JSONResponse({"account_id": settings.account_id}, status_code=201)


async def change_account(request: Request) -> Response:
    """Changes what an account may do; takes what POST takes besides the key, the secret and the cash."""
    venue, values = _venue(request), await json_object(request)
    known = venue.desk(request.path_params["account_id"]).ledger.settings
    unknown = sorted(set(values) - set(_CHANGEABLE))
    if unknown:
        raise BadInput("BAD_ACCOUNT", f"what can change is {', '.join(_CHANGEABLE)}, was {', '.join(unknown)}")
    kept: dict[str, Any] = {
        name: getattr(known, name) for name in ("account_id", "key", "secret", "cash", *_CHANGEABLE) if name != "fees"
    }
    venue.change_account(AccountSettings.read({**kept, "fees": asdict(known.fees), **values}))
    return JSONResponse({"account_id": known.account_id})


async def books(request: Request) -> Response:
    """Every trading account's book, by account."""
    venue = _venue(request)
    now = venue.now()
    return JSONResponse(
        {"now": instant(now), "accounts": {desk.account_id: book_view.book(desk, now) for desk in venue.desks()}}
    )


async def assign(request: Request) -> Response:
    """Assigns short options now: {"account_id", "symbol", "contracts"}, all where contracts is not said."""
    venue, values = _venue(request), await json_object(request)
    account = venue.account(str(values.get("account_id")))
    contracts = None if values.get("contracts") is None else decimal(values["contracts"], "contracts")
    try:
        rows = account.settling.assign(str(values.get("symbol")), contracts)
    except DeskRefusal as refusal:
        raise BadInput("BAD_ASSIGNMENT", refusal.text) from None
    venue.on_activities(account.desk.account_id, rows)
    venue.release()
    return JSONResponse({"activities": [book_view.activity_row(row) for row in rows]})


async def book_activity(request: Request) -> Response:
    """Books what the broker does by itself.

    {"account_id", "kind": dividend, interest, deposit, withdrawal or fee, "amount" signed, "symbol"}, or
    {"account_id", "kind": "split", "symbol", "numerator", "denominator"}.
    """
    venue, values = _venue(request), await json_object(request)
    ledger = venue.desk(str(values.get("account_id"))).ledger
    at, symbol = venue.clock.stamp(), values.get("symbol")
    if symbol is not None and not isinstance(symbol, str):
        raise BadInput("BAD_ACTIVITY", f"symbol must be a text, was {symbol!r}")
    if values.get("kind") == "split":
        row = ledger.split(str(symbol), _positive(values, "numerator"), _positive(values, "denominator"), at)
    else:
        kind = next((known for known in _CASH_KINDS if known == values.get("kind")), None)
        if kind is None:
            raise BadInput("BAD_ACTIVITY", f"kind must be split or one of {', '.join(_CASH_KINDS)}")
        row = ledger.move_cash(kind, decimal(values.get("amount"), "amount"), at, symbol)
    venue.on_activities(ledger.settings.account_id, [row])
    venue.release()
    return JSONResponse({"activities": [book_view.activity_row(row)]})


def _positive(values: Mapping[str, Any], name: str) -> Decimal:
    value = decimal(values.get(name), name)
    if value <= 0:
        raise BadInput("BAD_ACTIVITY", f"{name} must be above zero, was {value}")
    return value


routes = [
    Route("/control/accounts", add_account, methods=["POST"]),
    Route("/control/accounts/{account_id}", change_account, methods=["PATCH"]),
    Route("/control/book", books, methods=["GET"]),
    Route("/control/assign", assign, methods=["POST"]),
    Route("/control/activities", book_activity, methods=["POST"]),
]
