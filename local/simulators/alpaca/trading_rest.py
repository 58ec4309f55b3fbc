"""Trading REST: orders and positions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as copy
from decimal import ROUND_DOWN, Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.backtest.orders import Side
from functions.core.errors import BadInput
from functions.core.money import decimal, text
from local.simulators.alpaca import account_view, refusals
from local.simulators.alpaca.order_body import is_option, market_close, read_change, read_order
from local.simulators.alpaca.order_view import asset_id, order_json, orders_json
from local.simulators.alpaca.refusals import Refusal, of_desk
from local.simulators.alpaca.route_context import desk_of, simulator_of
from local.simulators.alpaca.wire import NEW_YORK, body, flag, moment, whole
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_order import DeskOrder
from local.simulators.venue.desk_request import GroupRequest
from local.simulators.venue.positions import Position
from local.simulators.venue.refusal import DeskRefusal

_FRACTION = Decimal("0.000000001")
_CLOSED = "closed"


async def submit_order(request: Request) -> Response:
    desk, simulator = desk_of(request), simulator_of(request)
    wanted = read_order(await body(request))
    group = desk.enter_group(wanted) if isinstance(wanted, GroupRequest) else [desk.enter(wanted)]
    before = simulator.shown(desk, group[0], nested=True)
    desk.route(*group)
    if simulator.faults.take("fill_before_response", desk.account_id):
        simulator.trades.release()
        await simulator.trades.drained(desk.account_id)
        return JSONResponse(simulator.shown(desk, group[0], nested=True))
    return JSONResponse(before)


async def list_orders(request: Request) -> Response:
    desk, simulator, query = desk_of(request), simulator_of(request), request.query_params
    status = query.get("status", "open")
    if status not in ("open", _CLOSED, "all"):
        raise refusals.invalid(f"invalid status: expected open, closed or all, was {status!r}")
    after, until = query.get("after"), query.get("until")
    symbols = {symbol for symbol in query.get("symbols", "").split(",") if symbol}
    side = query.get("side")
    found = [
        order
        for order in desk.orders()
        if (status == "all" or order.is_open == (status == "open"))
        and (after is None or order.created_at > moment(after, "after"))
        and (until is None or order.created_at < moment(until, "until"))
        and (not symbols or any(leg.symbol in symbols for leg in order.legs))
        and (side is None or order.side == side)
    ]
    if query.get("direction", "desc") != "asc":
        found.reverse()
    limit = whole(query.get("limit"), "limit", default=50, most=500)
    rows = orders_json(desk, found[:limit], nested=flag(query.get("nested")))
    return JSONResponse([simulator.distorted(desk.account_id, row) for row in rows])


async def get_order(request: Request) -> Response:
    desk = desk_of(request)
    order = desk.order(request.path_params["order_id"])
    nested = flag(request.query_params.get("nested"))
    return JSONResponse(simulator_of(request).shown(desk, order, nested=nested))


async def get_order_by_client_id(request: Request) -> Response:
    desk = desk_of(request)
    client_order_id = request.query_params.get("client_order_id")
    if not client_order_id:
        raise refusals.missing("client_order_id is required")
    found = desk.orders_by_client_id(client_order_id)
    if not found:
        raise refusals.not_found(f"order not found for {client_order_id}")
    return JSONResponse(simulator_of(request).shown(desk, found[0]))


async def replace_order(request: Request) -> Response:
    desk, simulator = desk_of(request), simulator_of(request)
    values = await body(request)
    old = desk.order(request.path_params["order_id"])
    change, client_order_id = read_change(values, several_legs=old.is_multi_leg)
    if old.request.trail_percent is not None and change.trail_price is not None:
        # The one field `trail` means what the order has.
        change = copy(change, trail_price=None, trail_percent=change.trail_price)
    new = desk.enter_replacement(old.id, change, client_order_id)
    before = simulator.shown(desk, new)
    desk.route_replacement(new, change)
    return JSONResponse(before)


async def cancel_order(request: Request) -> Response:
    desk_of(request).cancel(request.path_params["order_id"])
    return Response(status_code=204)


async def cancel_orders(request: Request) -> Response:
    desk = desk_of(request)
    return JSONResponse(_cancel_all(desk, desk.open_orders()), status_code=207)


async def list_positions(request: Request) -> Response:
    desk = desk_of(request)
    return JSONResponse([_view(request, desk, position) for position in desk.ledger.positions()])


async def get_position(request: Request) -> Response:
    desk = desk_of(request)
    return JSONResponse(_view(request, desk, _position(request, desk)))


async def close_position(request: Request) -> Response:
    desk = desk_of(request)
    position = _position(request, desk)
    return JSONResponse(_close(desk, position, _part(request, position)))


async def close_positions(request: Request) -> Response:
    desk = desk_of(request)
    if flag(request.query_params.get("cancel_orders")):
        _cancel_all(desk, desk.open_orders())
    results: list[dict[str, Any]] = []
    for position in desk.ledger.positions():
        try:
            order = _close(desk, position, abs(position.quantity))
            results.append({"symbol": position.symbol, "status": 200, "body": order})
        except DeskRefusal as refused:
            refusal = of_desk(refused)
            results.append({"symbol": position.symbol, "status": refusal.status, "body": refusal.body})
        except Refusal as refusal:
            results.append({"symbol": position.symbol, "status": refusal.status, "body": refusal.body})
    return JSONResponse(results, status_code=207)


async def exercise(request: Request) -> Response:
    desk, simulator = desk_of(request), simulator_of(request)
    position = _option_position(request, desk)
    rows = simulator.account(desk.account_id).settling.exercise(position.symbol)
    simulator.on_activities(desk.account_id, rows)
    return Response(status_code=200)


async def do_not_exercise(request: Request) -> Response:
    desk = desk_of(request)
    position = _option_position(request, desk)
    simulator_of(request).account(desk.account_id).settling.do_not_exercise(position.symbol)
    return Response(status_code=200)


def _cancel_all(desk: OrderDesk, orders: Iterable[DeskOrder]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for order in orders:
        try:
            if order.is_open:
                desk.cancel(order.id)
            # Canceled already with its parent or its alternative: that was asked for too.
            results.append({"id": order.id, "status": 200})
        except DeskRefusal as refused:
            refusal = of_desk(refused)
            results.append({"id": order.id, "status": refusal.status, "body": refusal.body})
    return results


def _position(request: Request, desk: OrderDesk) -> Position:
    name = request.path_params["symbol"]
    for position in desk.ledger.positions():
        if name in (position.symbol, asset_id(position.symbol)):
            return position
    raise refusals.not_found("position does not exist")


def _option_position(request: Request, desk: OrderDesk) -> Position:
    position = _position(request, desk)
    if not is_option(position.symbol) or position.quantity < 0:
        raise refusals.forbidden("only long option positions can be exercised")
    return position


def _view(request: Request, desk: OrderDesk, position: Position) -> dict[str, Any]:
    today = simulator_of(request).now().astimezone(NEW_YORK).date()
    return account_view.position(desk, position, today)


def _part(request: Request, position: Position) -> Decimal:
    """How much of a position a close asks for: `qty`, `percentage`, or all of it."""
    query, whole_position = request.query_params, abs(position.quantity)
    step = Decimal(1) if is_option(position.symbol) else _FRACTION
    try:
        if "qty" in query:
            part = decimal(query["qty"], "qty")
        elif "percentage" in query:
            percentage = decimal(query["percentage"], "percentage")
            part = (whole_position * percentage / 100).quantize(step, rounding=ROUND_DOWN)
        else:
            part = whole_position
    except BadInput as error:
        raise refusals.invalid(error.text) from None
    if not 0 < part <= whole_position:
        raise refusals.invalid(f"expected more than 0 and at most {text(whole_position)}, was {text(part)}")
    return part


def _close(desk: OrderDesk, position: Position, quantity: Decimal) -> dict[str, Any]:
    side = Side.SELL if position.quantity > 0 else Side.BUY
    order = desk.enter(market_close(position.symbol, side, quantity))
    before = order_json(desk, order)
    desk.route(order)
    return before


routes = [
    Route("/v2/orders", submit_order, methods=["POST"]),
    Route("/v2/orders", list_orders, methods=["GET"]),
    Route("/v2/orders", cancel_orders, methods=["DELETE"]),
    Route("/v2/orders:by_client_order_id", get_order_by_client_id, methods=["GET"]),
    Route("/v2/orders/{order_id}", get_order, methods=["GET"]),
    Route("/v2/orders/{order_id}", replace_order, methods=["PATCH"]),
    Route("/v2/orders/{order_id}", cancel_order, methods=["DELETE"]),
    Route("/v2/positions", list_positions, methods=["GET"]),
    Route("/v2/positions", close_positions, methods=["DELETE"]),
    Route("/v2/positions/{symbol}", get_position, methods=["GET"]),
    Route("/v2/positions/{symbol}", close_position, methods=["DELETE"]),
    Route("/v2/positions/{symbol}/exercise", exercise, methods=["POST"]),
    Route("/v2/positions/{symbol}/do-not-exercise", do_not_exercise, methods=["POST"]),
]
