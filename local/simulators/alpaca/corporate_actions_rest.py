"""Corporate actions as the data API lists them; what there is comes by the control route, since no tape has any."""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.core.errors import BadInput
from local.simulators.alpaca import refusals
from local.simulators.alpaca.route_context import require_data_key
from local.simulators.alpaca.simulator import Simulator
from local.simulators.venue import control

# Their lists are named in the plural of what is asked for.
_KINDS = ("forward_split", "reverse_split", "stock_dividend", "cash_dividend")
_MOST_ROWS = 1000


async def listed(request: Request) -> Response:
    """Those of the symbols with an ex-date in [start, end], by date; page tokens are offsets."""
    simulator = require_data_key(request)
    query = request.query_params
    symbols = set(filter(None, query.get("symbols", "").split(",")))
    kinds = list(filter(None, query.get("types", "").split(","))) or list(_KINDS)
    limit, offset = query.get("limit", "100"), query.get("page_token") or "0"
    if not set(kinds) <= set(_KINDS) or not limit.isdecimal() or not 1 <= int(limit) <= _MOST_ROWS:
        raise refusals.bad_data_request("invalid types or limit")
    today = simulator.now().date().isoformat()
    start, end = query.get("start", today), query.get("end", today)
    found = sorted(
        (
            (kind, row)
            for kind in kinds
            for row in simulator.corporate_actions.get(f"{kind}s", [])
            if start <= row["ex_date"] <= end and (not symbols or row["symbol"] in symbols)
        ),
        key=lambda one: one[1]["ex_date"],
        reverse=query.get("sort", "asc") == "desc",
    )
    page: dict[str, list[dict[str, Any]]] = {}
    last = int(offset) + int(limit)
    for kind, row in found[int(offset) : last]:
        page.setdefault(f"{kind}s", []).append(row)
    return JSONResponse({"corporate_actions": page, "next_page_token": str(last) if len(found) > last else None})


async def tell(request: Request) -> Response:
    """Takes {"cash_dividends": [{"symbol", "ex_date", "rate", ...}], ...} in place of what there was."""
    simulator: Simulator = request.app.state.simulator
    told = await control.json_object(request)
    for name, actions in told.items():
        if name.removesuffix("s") not in _KINDS or not isinstance(actions, list):
            raise BadInput("BAD_CONTROL", f"expected lists named {', '.join(f'{kind}s' for kind in _KINDS)}")
        for row in actions:
            _require_action(row)
    simulator.corporate_actions = {
        name: [{key: _number(value) for key, value in row.items()} for row in actions] for name, actions in told.items()
    }
    return JSONResponse({name: len(actions) for name, actions in told.items()})


def _require_action(row: object) -> None:
    try:
        if not isinstance(row, dict) or not row["symbol"]:
            raise ValueError("no symbol")
        date.fromisoformat(row["ex_date"])
    except (KeyError, TypeError, ValueError):
        raise BadInput("BAD_CONTROL", f"a corporate action has a symbol and an ex_date, was {row!r}") from None


def _number(value: Any) -> Any:
    # Rates are JSON numbers on this wire.
    return value if isinstance(value, bool | int | str | None) else float(value)


routes = [
    Route("/v1/corporate-actions", listed, methods=["GET"]),
    Route("/control/corporate-actions", tell, methods=["POST"]),
]
