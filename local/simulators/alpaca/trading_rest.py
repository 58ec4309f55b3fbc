"""Trading REST: orders and positions."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.backtest.orders import OrderType, Side, TimeInForce
from functions.core.errors import BadInput
from functions.core.money import decimal
from local.simulators.alpaca import account_view, checks, refusals
from local.simulators.alpaca.desk import OrderDesk
from local.simulators.alpaca.order_record import OrderRecord, asset_id
from local.simulators.alpaca.order_request import OrderRequest, read_change, read_order
from local.simulators.alpaca.refusals import Refusal
from local.simulators.alpaca.route_context import desk_of, simulator_of
from local.simulators.alpaca.wire import NEW_YORK, body, flag, moment, whole
from local.simulators.venue.positions import Position

_FRACTION = Decimal("0.000000001")
_CLOSED = "closed"


async def submit_order(request: Request) -> Response:
    desk = desk_of(request)
    record, before = desk.submit(read_order(await body(request)))
    simulator = simulator_of(request)
    if simulator.faults.take("fill_before_response", desk.account_id):
        simulator.trades.release()
        await simulator.trades.drained(desk.account_id)
        return JSONResponse(record.json())
    return JSONResponse(before)


async def list_orders(request: Request) -> Response:
    desk, query = desk_of(request), request.query_params
    status = query.get("status", "open")
    if status not in ("open", _CLOSED, "all"):
        raise refusals.invalid(f"invalid status: expected open, closed or all, was {status!r}")
    after, until = query.get("after"), query.get("until")
    symbols = {symbol for symbol in query.get("symbols", "").split(",") if symbol}
    side = query.get("side")
    found = [
        record
        for record in desk.orders()
        if (status == "all" or record.is_open == (status == "open"))
        and (after is None or record.created_at > moment(after, "after"))
        and (until is None or record.created_at < moment(until, "until"))
        and (not symbols or record.new.symbol in symbols)
        and (side is None or record.new.side == side)
    ]
    if query.get("direction", "desc") != "asc":
        found.reverse()
    limit = whole(query.get("limit"), "limit", default=50, most=500)
    return JSONResponse([record.json() for record in found[:limit]])


async def get_order(request: Request) -> Response:
    return JSONResponse(desk_of(request).order(request.path_params["order_id"]).json())


async def get_order_by_client_id(request: Request) -> Response:
    desk = desk_of(request)
    client_order_id = request.query_params.get("client_order_id")
    if not client_order_id:
        raise refusals.missing("client_order_id is required")
    return JSONResponse(desk.order_by_client_id(client_order_id).json())


async def replace_order(request: Request) -> Response:
    desk = desk_of(request)
    change, client_order_id = read_change(await body(request))
    return JSONResponse(desk.replace(request.path_params["order_id"], change, client_order_id))


async def cancel_order(request: Request) -> Response:
    desk_of(request).cancel(request.path_params["order_id"])
    return Response(status_code=204)


async def cancel_orders(request: Request) -> Response:
    desk = desk_of(request)
    return JSONResponse(_cancel_all(desk, desk.open_orders()), status_code=207)


async def list_positions(request: Request) -> Response:
    desk = desk_of(request)
    return JSONResponse([_view(request, desk, position) for position in desk.book.positions()])


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
    for position in desk.book.positions():
        try:
            order = _close(desk, position, abs(position.quantity))
            results.append({"symbol": position.symbol, "status": 200, "body": order})
        except Refusal as refusal:
            results.append({"symbol": position.symbol, "status": refusal.status, "body": refusal.body})
    return JSONResponse(results, status_code=207)


def _cancel_all(desk: OrderDesk, orders: Iterable[OrderRecord]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for record in orders:
        try:
            desk.cancel(record.id)
            results.append({"id": record.id, "status": 200})
        except Refusal as refusal:
            results.append({"id": record.id, "status": refusal.status, "body": refusal.body})
    return results


def _position(request: Request, desk: OrderDesk) -> Position:
    name = request.path_params["symbol"]
    for position in desk.book.positions():
        if name in (position.symbol, asset_id(position.symbol)):
            return position
    raise refusals.not_found("position does not exist")


def _view(request: Request, desk: OrderDesk, position: Position) -> dict[str, Any]:
    simulator = simulator_of(request)
    today = simulator.now().astimezone(NEW_YORK).date()
    return account_view.position(desk, position, simulator.prices, today)


def _part(request: Request, position: Position) -> Decimal:
    """How much of a position a close asks for: `qty`, `percentage`, or all of it."""
    query, whole_position = request.query_params, abs(position.quantity)
    try:
        if "qty" in query:
            part = decimal(query["qty"], "qty")
        elif "percentage" in query:
            percentage = decimal(query["percentage"], "percentage")
            part = (whole_position * percentage / 100).quantize(_FRACTION, rounding=ROUND_DOWN)
        else:
            part = whole_position
    except BadInput as error:
        raise refusals.invalid(error.text) from None
    if not 0 < part <= whole_position:
        raise refusals.invalid(f"expected more than 0 and at most {whole_position} shares, was {part}")
    return part


def _close(desk: OrderDesk, position: Position, quantity: Decimal) -> dict[str, Any]:
    held, related = checks.held(desk.book, desk.open_orders(), position.symbol)
    if quantity > abs(position.quantity) - held:
        raise refusals.insufficient_quantity(
            position.symbol, requested=quantity, existing=abs(position.quantity), held=held, related=related
        )
    _, before = desk.submit(
        OrderRequest(
            symbol=position.symbol,
            side=Side.SELL if position.quantity > 0 else Side.BUY,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            quantity=quantity,
            notional=None,
            limit=None,
            stop=None,
            trail_price=None,
            trail_percent=None,
            client_order_id=None,
            position_intent=None,
            extended_hours=False,
        )
    )
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
]
