"""The control routes that are tastytrade's own: its accounts and its books."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.money import text
from local.simulators.tastytrade.desk import Desk
from local.simulators.tastytrade.logins import AccountRow
from local.simulators.tastytrade.route_context import simulator_of
from local.simulators.venue import control
from local.simulators.venue.clock import instant


async def add_account(request: Request) -> Response:
    row = AccountRow.read(await control.json_object(request))
    simulator_of(request).add_account(row)
    return JSONResponse({"account_number": row.login.account_number}, status_code=201)


async def book(request: Request) -> Response:
    simulator = simulator_of(request)
    return JSONResponse(
        {"now": instant(simulator.now()), "accounts": {desk.number: _book(desk) for desk in simulator.desks()}}
    )


def _book(desk: Desk) -> dict[str, Any]:
    book, prices = desk.book, desk.prices
    rows = [one.row for one in desk.transactions.rows()]
    return {
        "cash": text(book.cash),
        "starting_cash": text(book.settings.cash),
        "equity": text(book.equity(prices)),
        "orders": [
            {
                "id": str(order.id),
                "client_order_id": order.external_identifier,
                "is_open": order.is_open,
                **order.json(),
            }
            | {"id": str(order.id)}
            for order in desk.orders()
        ],
        "fills": [row for row in rows if row["transaction-type"] == "Trade"],
        "transactions": rows,
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
    *control.routes,
    Route("/control/accounts", add_account, methods=["POST"]),
    Route("/control/book", book, methods=["GET"]),
]
