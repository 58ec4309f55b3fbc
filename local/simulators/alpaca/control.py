"""The control routes: those of every venue, and the books with this broker's rows in them. For this machine only."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.alpaca import activity_view
from local.simulators.alpaca.order_view import orders_json
from local.simulators.alpaca.route_context import simulator_of
from local.simulators.venue import account_control, book_view
from local.simulators.venue import control as venue_control
from local.simulators.venue.clock import instant
from local.simulators.venue.desk import OrderDesk


async def books(request: Request) -> Response:
    """Every trading account's book, by account; orders, fills and fees as Alpaca writes them."""
    simulator = simulator_of(request)
    now = simulator.now()
    accounts = {desk.account_id: book_view.book(desk, now) | _wire(desk) for desk in simulator.desks()}
    return JSONResponse({"now": instant(now), "accounts": accounts})


def _wire(desk: OrderDesk) -> dict[str, Any]:
    rows = [(activity.kind, activity_view.row(desk, activity)) for activity in desk.ledger.activities]
    return {
        "orders": orders_json(desk, desk.orders(), nested=False),
        "fills": [row for kind, row in rows if kind == "fill"],
        "fees": [row for kind, row in rows if kind == "fee"],
    }


routes = [
    Route("/control/book", books, methods=["GET"]),
    *venue_control.routes,
    *account_control.routes,
]
