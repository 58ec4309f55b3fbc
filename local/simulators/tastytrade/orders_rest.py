"""Orders: dry runs, submits, replaces, cancels, and reading them again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.simulators.tastytrade import impact, refusals
from local.simulators.tastytrade.account import Taken, TastyAccount
from local.simulators.tastytrade.envelope import listed, paged, single
from local.simulators.tastytrade.order_request import OrderRequest, read_change, read_order
from local.simulators.tastytrade.orders import Order
from local.simulators.tastytrade.route_context import account_of_path, simulator_of, smaller_pages
from local.simulators.tastytrade.wire import NEW_YORK, body, optional_day, optional_moment

_CREATED = 201
_KEY_THE_MODELS_DEMAND = "underlying-instrument-type"
_CHILDREN = {"OTOCO": 2, "OCO": 2, "OTO": 1}


async def dry_run(request: Request) -> Response:
    """What an order would do. Ticks are not checked here, as at the real one."""
    owner = account_of_path(request, to_trade=True)
    was = impact.power(owner)
    taken = owner.dry_run(read_order(await body(request)))
    shown = {name: value for name, value in taken.before.items() if name != "id"}
    return single(request, {"order": shown, **_told(owner, taken, was)}, status=_CREATED)


async def submit(request: Request) -> Response:
    owner = account_of_path(request, to_trade=True)
    was = impact.power(owner)
    taken = owner.submit(read_order(await body(request)))
    told = _told(owner, taken, was)
    shown = taken.before
    simulator = simulator_of(request)
    if simulator.faults.take("fill_before_response", owner.number):
        simulator.release()
        await simulator.hub.drained(owner.number)
        shown = taken.order.json()
    if simulator.faults.take("answer_without_key", owner.number):
        shown = {name: value for name, value in shown.items() if name != _KEY_THE_MODELS_DEMAND}
    return single(request, {"order": shown, **told}, status=_CREATED)


async def live(request: Request) -> Response:
    """All of today's orders, the ended ones too, and whatever works."""
    owner = account_of_path(request)
    return listed(request, [order.json() for order in reversed(owner.orders()) if _is_of_today(owner, order)])


async def history(request: Request) -> Response:
    owner, query = account_of_path(request), request.query_params
    first, last = (optional_day(query.get(name), name) for name in ("start-date", "end-date"))
    start, end = (optional_moment(query.get(name), name) for name in ("start-at", "end-at"))
    underlying, statuses = query.get("underlying-symbol"), set(query.getlist("status[]"))
    found = [
        order
        for order in owner.orders()
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
    return single(request, account_of_path(request).order(request.path_params["id"]).json())


async def replace(request: Request) -> Response:
    owner = account_of_path(request, to_trade=True)
    return single(request, owner.replace(request.path_params["id"], read_change(await body(request))))


async def cancel(request: Request) -> Response:
    return single(request, account_of_path(request, to_trade=True).cancel(request.path_params["id"]))


# --- complex orders ---------------------------------------------------------------------------------------------------


async def submit_complex(request: Request) -> Response:
    owner = account_of_path(request, to_trade=True)
    was = impact.power(owner)
    kind, trigger, children = _read_complex(await body(request))
    made, before, warnings = owner.submit_complex(kind, trigger, children)
    told = impact.effects(owner, made.members[0].desk, was)
    return single(
        request,
        {"complex-order": before, "warnings": [warning.json() for warning in warnings], **told},
        status=_CREATED,
    )


async def dry_run_complex(request: Request) -> Response:
    """Of its first order: the others depend on what becomes of that."""
    owner = account_of_path(request, to_trade=True)
    was = impact.power(owner)
    kind, trigger, children = _read_complex(await body(request))
    taken = owner.dry_run(trigger if trigger is not None else children[0])
    shown = [_without_id(owner.dry_run(child).before) for child in children]
    first = None if trigger is None else _without_id(taken.before)
    complex_order = {"account-number": owner.number, "type": kind, "orders": shown}
    return single(
        request,
        {
            "complex-order": complex_order | ({} if first is None else {"trigger-order": first}),
            **_told(owner, taken, was),
        },
        status=_CREATED,
    )


async def live_complex(request: Request) -> Response:
    owner = account_of_path(request)
    rows = [
        found.json()
        for found in reversed(owner.complex_orders())
        if any(_is_of_today(owner, order) for order in found.members)
    ]
    return listed(request, rows)


async def complex_history(request: Request) -> Response:
    rows = [found.json() for found in reversed(account_of_path(request).complex_orders())]
    return paged(request, rows, default=10, most=200, at_most=smaller_pages(request))


async def one_complex(request: Request) -> Response:
    return single(request, account_of_path(request).complex_order(request.path_params["id"]).json())


async def cancel_complex(request: Request) -> Response:
    return single(request, account_of_path(request, to_trade=True).cancel_complex(request.path_params["id"]))


def _read_complex(values: dict[str, Any]) -> tuple[str, OrderRequest | None, list[OrderRequest]]:
    kind, given, first = values.get("type"), values.get("orders"), values.get("trigger-order")
    if kind not in _CHILDREN:
        raise refusals.invalid("type does not have a valid value")
    if not isinstance(given, list) or not all(isinstance(order, dict) for order in given):
        raise refusals.invalid("orders is missing")
    if len(given) != _CHILDREN[kind]:
        raise refusals.unprocessable("invalid_complex_order", f"{kind} takes {_CHILDREN[kind]} orders here")
    if (kind == "OCO") == isinstance(first, dict):
        raise refusals.invalid("trigger-order is missing" if first is None else "an OCO has no trigger-order")
    return kind, read_order(first) if isinstance(first, dict) else None, [read_order(order) for order in given]


def _without_id(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name != "id"}


def _told(owner: TastyAccount, taken: Taken, was: Decimal) -> dict[str, Any]:
    warnings = [warning.json() for warning in taken.warnings]
    return {"warnings": warnings, **impact.effects(owner, taken.order.desk, was)}


def _is_of_today(owner: TastyAccount, order: Order) -> bool:
    today = owner.now().astimezone(NEW_YORK).date()
    return order.is_open or today in (
        order.received_at.astimezone(NEW_YORK).date(),
        order.updated_at.astimezone(NEW_YORK).date(),
    )


routes = [
    Route("/accounts/{number}/orders/dry-run", dry_run, methods=["POST"]),
    Route("/accounts/{number}/orders/live", live, methods=["GET"]),
    Route("/accounts/{number}/orders/{id:int}", one, methods=["GET"]),
    Route("/accounts/{number}/orders/{id:int}", replace, methods=["PUT"]),
    Route("/accounts/{number}/orders/{id:int}", cancel, methods=["DELETE"]),
    Route("/accounts/{number}/orders", submit, methods=["POST"]),
    Route("/accounts/{number}/orders", history, methods=["GET"]),
    Route("/accounts/{number}/complex-orders/dry-run", dry_run_complex, methods=["POST"]),
    Route("/accounts/{number}/complex-orders/live", live_complex, methods=["GET"]),
    Route("/accounts/{number}/complex-orders/{id:int}", one_complex, methods=["GET"]),
    Route("/accounts/{number}/complex-orders/{id:int}", cancel_complex, methods=["DELETE"]),
    Route("/accounts/{number}/complex-orders", submit_complex, methods=["POST"]),
    Route("/accounts/{number}/complex-orders", complex_history, methods=["GET"]),
]
