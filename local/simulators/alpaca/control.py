"""The control routes: those of every venue, and executions that are taken back. For this machine only; no key."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.errors import BadInput
from functions.core.money import decimal
from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue import account_control, control
from local.simulators.venue.refusal import DeskRefusal


async def change_execution(request: Request) -> Response:
    """Busts an execution of an order that is over: {"account_id", "execution_id"}; with "price" it is corrected."""
    simulator: Simulator = request.app.state.simulator
    values = await control.json_object(request)
    desk = simulator.desk(str(values.get("account_id")))
    wanted = values.get("execution_id")
    found = next(((one, fill) for one in desk.orders() for fill in one.fills if fill.id == wanted), None)
    if found is None:
        raise BadInput("BAD_EXECUTION", f"there is no execution {wanted!r}")
    price = None if values.get("price") is None else decimal(values["price"], "price")
    try:
        event = desk.executions.take_back(*found, price)
    except DeskRefusal as refusal:
        raise BadInput("BAD_EXECUTION", refusal.text) from None
    simulator.release()
    return JSONResponse({"event": event.kind, "execution_id": wanted})


routes = [
    *control.routes,
    *account_control.routes,
    Route("/control/executions", change_execution, methods=["POST"]),
]
