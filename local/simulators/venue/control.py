"""The control routes that every simulator has: moving the tape and switching faults. For this machine only; no key.

What is wrong with a request comes as BadInput, which the application answers with 422.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.errors import BadInput
from local.simulators.venue.tape_player import TapePlayer
from local.tape.spec import DEFAULT, open_tape

_MOST_STEPS = 10_000


async def json_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request, fractions as Decimal; an empty body is an empty object. Raises BadInput."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        read = json.loads(raw, parse_float=Decimal)
    except (ValueError, InvalidOperation, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise BadInput("BAD_CONTROL", "expected a JSON object")
    return read


def _player(request: Request) -> TapePlayer:
    player: TapePlayer = request.app.state.simulator
    return player


async def advance(request: Request) -> Response:
    """Moves the tape by {"minutes": n} steps, 1 where not said; in lock-step only."""
    player = _player(request)
    if request.app.state.pace.speed is not None:
        raise BadInput("BAD_CONTROL", "the tape moves by itself; start with --pace lockstep to move it from here")
    count = (await json_object(request)).get("minutes", 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST_STEPS:
        raise BadInput("BAD_CONTROL", f"minutes must be 1 to {_MOST_STEPS}, was {count!r}")
    event = "end"
    for _ in range(count):
        event = player.advance()
        if event == "end":
            break
    return JSONResponse({**player.state(), "event": event})


async def state(request: Request) -> Response:
    player = _player(request)
    sessions = [session.day.isoformat() for session in player.tape.sessions]
    return JSONResponse(
        {
            **player.state(),
            "tape": {
                "description": player.tape.description,
                "sessions": sessions,
                "symbols": player.tape.symbols,
            },
        }
    )


async def load(request: Request) -> Response:
    """Starts anew on {"tape", "seed"}; what is not said stays as it was. Keys and starting cash stay, books do not."""
    player, values = _player(request), await json_object(request)
    loaded = request.app.state.loaded
    spec, seed = values.get("tape", loaded["tape"]), values.get("seed", loaded["seed"])
    if not isinstance(spec, str) or not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise BadInput(
            "BAD_CONTROL", f"tape must be a name such as {DEFAULT} and seed a whole number, was {spec!r}, {seed!r}"
        )
    player.load(open_tape(spec, seed=seed, calendar=player.whole_calendar), seed)
    request.app.state.loaded = {"tape": spec, "seed": seed}
    request.app.state.pace.restart()
    return JSONResponse(player.state())


async def switch_fault(request: Request) -> Response:
    """Switches on {"switch", "count", "account_id", "symbol", "method", "path", "percent"} and what its row takes."""
    player = _player(request)
    player.switched_on(player.faults.switch_on(await json_object(request)))
    return JSONResponse({"on": player.faults.on()})


async def list_faults(request: Request) -> Response:
    """What is on; with `?table=1` also every switch there is and what it does."""
    faults = _player(request).faults
    answer: dict[str, Any] = {"on": faults.on()}
    if request.query_params.get("table"):
        answer["table"] = {name: kind.does for name, kind in faults.table().items()}
    return JSONResponse(answer)


async def clear_faults(request: Request) -> Response:
    _player(request).faults.clear()
    return JSONResponse({"on": []})


routes = [
    Route("/control/advance", advance, methods=["POST"]),
    Route("/control/state", state, methods=["GET"]),
    Route("/control/load", load, methods=["POST"]),
    Route("/control/faults", switch_fault, methods=["POST"]),
    Route("/control/faults", list_faults, methods=["GET"]),
    Route("/control/faults", clear_faults, methods=["DELETE"]),
]
"""The application has in its state `simulator` (a TapePlayer), `pace` and `loaded` ({"tape", "seed"})."""
