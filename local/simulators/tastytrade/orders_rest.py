"""Orders: dry runs, submits, replaces, cancels, and reading them again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.simulators.tastytrade import impact
from local.simulators.tastytrade.desk import Desk
from local.simulators.tastytrade.envelope import listed, paged, single
from local.simulators.tastytrade.order_request import read_change, read_order
from local.simulators.tastytrade.orders import Order
from local.simulators.tastytrade.route_context import desk_of, simulator_of, smaller_pages
from local.simulators.tastytrade.wire import NEW_YORK, body, optional_day, optional_moment

_CREATED = 201
_KEY_THE_MODELS_DEMAND = "underlying-instrument-type"


async def dry_run(request: Request) -> Response:
    """What an order would do. Ticks are not checked here, as at the real one."""
    desk = desk_of(request, to_trade=True)
    asked, warnings = desk.checked(read_order(await body(request)))
    effects = impact.effects(desk, asked)
    shown = desk.draft(asked).json()
    del shown["id"]
    return single(
        request, {"order": shown, "warnings": [warning.json() for warning in warnings], **effects}, status=_CREATED
    )


async def submit(request: Request) -> Response:
    desk = desk_of(request, to_trade=True)
    asked = read_order(await body(request))
    before_trade = impact.before(desk)
    taken = desk.submit(asked)
    effects = impact.effects(desk, asked, before_trade)
    shown = taken.before
    simulator = simulator_of(request)
    if simulator.faults.take("fill_before_response", desk.number):
        simulator.release()
        await simulator.hub.drained(desk.number)
        shown = taken.order.json()
    if simulator.faults.take("answer_without_key", desk.number):
        shown = {name: value for name, value in shown.items() if name != _KEY_THE_MODELS_DEMAND}
    return single(
        request,
        {"order": shown, "warnings": [warning.json() for warning in taken.warnings], **effects},
        status=_CREATED,
    )


async def live(request: Request) -> Response:
    """All of today's orders, the ended ones too, and whatever works."""
    desk = desk_of(request)
    today = desk.now().astimezone(NEW_YORK).date()
    rows = [
        order.json()
        for order in reversed(desk.orders())
        if order.is_open
        or order.received_at.astimezone(NEW_YORK).date() == today
        or order.updated_at.astimezone(NEW_YORK).date() == today
    ]
    return listed(request, rows)


async def history(request: Request) -> Response:
    desk, query = desk_of(request), request.query_params
    first, last = (optional_day(query.get(name), name) for name in ("start-date", "end-date"))
    start, end = (optional_moment(query.get(name), name) for name in ("start-at", "end-at"))
    underlying, statuses = query.get("underlying-symbol"), set(query.getlist("status[]"))
    found = [
        order
        for order in desk.orders()
        if (underlying is None or order.underlying == underlying)
        and (not statuses or order.status in statuses)
        and (first is None or order.received_at.astimezone(NEW_YORK).date() >= first)
        and (last is None or order.received_at.astimezone(NEW_YORK).date() <= last)
        and (start is None or order.received_at >= start)
        and (end is None or order.received_at <= end)
    ]
    if query.get("sort", "Desc") != "Asc":
        found.reverse()
    rows = [order.json() for order in found]
    return paged(request, rows, default=10, most=200, at_most=smaller_pages(request))


async def one(request: Request) -> Response:
    return single(request, _order(request, desk_of(request)).json())


async def replace(request: Request) -> Response:
    desk = desk_of(request, to_trade=True)
    return single(request, desk.replace(request.path_params["id"], read_change(await body(request))))


async def cancel(request: Request) -> Response:
    return single(request, desk_of(request, to_trade=True).cancel(request.path_params["id"]))


def _order(request: Request, desk: Desk) -> Order:
    return desk.order(request.path_params["id"])


routes = [
    Route("/accounts/{number}/orders/dry-run", dry_run, methods=["POST"]),
    Route("/accounts/{number}/orders/live", live, methods=["GET"]),
    Route("/accounts/{number}/orders/{id:int}", one, methods=["GET"]),
    Route("/accounts/{number}/orders/{id:int}", replace, methods=["PUT"]),
    Route("/accounts/{number}/orders/{id:int}", cancel, methods=["DELETE"]),
    Route("/accounts/{number}/orders", submit, methods=["POST"]),
    Route("/accounts/{number}/orders", history, methods=["GET"]),
]
