"""The control routes that are tastytrade's own: its accounts, and their books with the ids of its wire."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.tastytrade.account import TastyAccount
from local.simulators.tastytrade.logins import AccountRow
from local.simulators.tastytrade.route_context import simulator_of
from local.simulators.venue import account_control, book_view, control
from local.simulators.venue.clock import instant

_NAMES: Final = ("id", "replaces", "replaced_by", "parent")


async def add_account(request: Request) -> Response:
    row = AccountRow.read(await control.json_object(request))
    simulator_of(request).add_row(row)
    return JSONResponse({"account_number": row.login.account_number}, status_code=201)


async def books(request: Request) -> Response:
    """Every account's book in the shape of all brokers; orders and fills have the ids that tastytrade shows."""
    simulator = simulator_of(request)
    return JSONResponse(
        {
            "now": instant(simulator.now()),
            "accounts": {account.number: _book(account, request) for account in simulator.tasty_accounts()},
        }
    )


def _book(account: TastyAccount, request: Request) -> dict[str, Any]:
    book = book_view.book(account.desk, simulator_of(request).now())
    ids = {order.desk.id: str(order.id) for order in account.orders()}
    fills = {fill.id: order.fill_id(fill) for order in account.orders() for fill in order.desk.fills}
    for row in book["orders"]:
        row |= {name: ids.get(row[name], row[name]) for name in _NAMES}
        row["children"] = [ids.get(child, child) for child in row["children"]]
        for leg in row["legs"]:
            leg["fills"] = [fills[fill] for fill in leg["fills"]]
    for row in book["fills"]:
        row |= {"id": fills[row["id"]], "order_id": ids[row["order_id"]]}
    return book


routes = [
    Route("/control/accounts", add_account, methods=["POST"]),
    Route("/control/book", books, methods=["GET"]),
    *account_control.routes,
    *control.routes,
]
