"""The control routes: moving the tape, reading the books, switching faults. For this machine only; no key."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.money import text
from local.simulators.alpaca import refusals
from local.simulators.alpaca.account_settings import AccountSettings
from local.simulators.alpaca.desk import OrderDesk
from local.simulators.alpaca.route_context import simulator_of
from local.simulators.alpaca.wire import body, instant
from local.tape.spec import DEFAULT, open_tape

_MOST_STEPS = 10_000


async def advance(request: Request) -> Response:
    """Moves the tape by {"minutes": n} steps, 1 where not said; in lock-step only."""
    simulator = simulator_of(request)
    if request.app.state.pace.speed is not None:
        raise refusals.invalid("the tape moves by itself; start with --pace lockstep to move it from here")
    count = (await body(request)).get("minutes", 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST_STEPS:
        raise refusals.invalid(f"minutes must be 1 to {_MOST_STEPS}, was {count!r}")
    event = "end"
    for _ in range(count):
        event = simulator.advance()
        if event == "end":
            break
    return JSONResponse({**simulator.state(), "event": event})


async def state(request: Request) -> Response:
    simulator = simulator_of(request)
    sessions = [session.day.isoformat() for session in simulator.tape.sessions]
    return JSONResponse(
        {
            **simulator.state(),
            "tape": {
                "description": simulator.tape.description,
                "sessions": sessions,
                "symbols": simulator.tape.symbols,
            },
        }
    )


async def load(request: Request) -> Response:
    """Starts anew on {"tape", "seed"}; what is not said stays as it was. Keys and starting cash stay, books do not."""
    simulator, values = simulator_of(request), await body(request)
    loaded = request.app.state.loaded
    spec, seed = values.get("tape", loaded["tape"]), values.get("seed", loaded["seed"])
    if not isinstance(spec, str) or not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise refusals.invalid(f"tape must be a name such as {DEFAULT} and seed a whole number, was {spec!r}, {seed!r}")
    simulator.load(open_tape(spec, seed=seed, calendar=simulator.calendar))
    request.app.state.loaded = {"tape": spec, "seed": seed}
    request.app.state.pace.restart()
    return JSONResponse(simulator.state())


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


async def switch_fault(request: Request) -> Response:
    simulator = simulator_of(request)
    fault = simulator.faults.switch_on(await body(request))
    if fault.switch == "drop_stream":
        simulator.trades.drop(fault.account_id)
    if fault.switch == "drop_data_stream":
        simulator.data.drop()
    return JSONResponse({"on": simulator.faults.on()})


async def list_faults(request: Request) -> Response:
    return JSONResponse({"on": simulator_of(request).faults.on()})


async def clear_faults(request: Request) -> Response:
    simulator_of(request).faults.clear()
    return JSONResponse({"on": []})


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
    Route("/control/advance", advance, methods=["POST"]),
    Route("/control/state", state, methods=["GET"]),
    Route("/control/load", load, methods=["POST"]),
    Route("/control/accounts", add_account, methods=["POST"]),
    Route("/control/book", book, methods=["GET"]),
    Route("/control/faults", switch_fault, methods=["POST"]),
    Route("/control/faults", list_faults, methods=["GET"]),
    Route("/control/faults", clear_faults, methods=["DELETE"]),
]
