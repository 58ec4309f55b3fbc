"""The control routes: those of every venue, and this broker's accounts and books. For this machine only; no key."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.money import text
from local.simulators.alpaca.desk import OrderDesk
from local.simulators.alpaca.route_context import simulator_of
from local.simulators.alpaca.wire import body
from local.simulators.venue import control as venue_control
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.clock import instant


async def add_account(request: Request) -> Response:
    settings = AccountSettings.read(await body(request))
    simulator_of(request).add_account(settings)
    return JSONResponse({"account_id": settings.account_id}, status_code=201)


async def book(request: Request) -> Response:
    simulator = simulator_of(request)
    return JSONResponse(
        {
            "now": instant(simulator.now()),
            "accounts": {desk.account_id: _book(desk, request) for desk in simulator.desks()},
        }
    )


def _book(desk: OrderDesk, request: Request) -> dict[str, Any]:
    book, prices = desk.book, simulator_of(request).prices
    return {
        "cash": text(book.cash),
        "starting_cash": text(book.settings.cash),
        "accrued_fees": text(book.accrued_fees),
        "equity": text(book.equity(prices)),
        "orders": [record.json() for record in desk.orders()],
        "fills": [activity.row for activity in book.activities if activity.row["activity_type"] == "FILL"],
        "fees": [activity.row for activity in book.activities if activity.row["activity_type"] == "FEE"],
        "positions": [
            {
                "symbol": position.symbol,
                "qty": text(position.quantity),
                "avg_entry_price": text(position.average),
                "cost_basis": text(position.cost),
                "market_value": text(book.value(position, prices)),
            }
            for position in book.positions()
        ],
    }


routes = [
    *venue_control.routes,
    Route("/control/accounts", add_account, methods=["POST"]),
    Route("/control/book", book, methods=["GET"]),
]
