"""The dispatcher's control port: health, counts, and faults on purpose."""

from __future__ import annotations

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.bus.dispatcher import Dispatcher
from local.bus.faults import FaultPlan


def control_app(dispatcher: Dispatcher) -> Starlette:
    """GET /health (200 once it delivers, else 503), /control/state, POST /control/faults (an empty plan ends them)."""

    async def health(_: Request) -> JSONResponse:
        ready = dispatcher.role == "active"
        return JSONResponse({"role": dispatcher.role}, status_code=200 if ready else 503)

    async def state(_: Request) -> JSONResponse:
        return JSONResponse(dispatcher.state())

    async def faults(request: Request) -> JSONResponse:
        try:
            plan = FaultPlan.model_validate_json(await request.body() or b"{}")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "plan"
            return JSONResponse({"code": "BAD_FAULTS", "text": f"{where}: {first['msg']}"}, status_code=400)
        dispatcher.set_faults(plan)
        return JSONResponse(plan.model_dump())

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/control/state", state),
            Route("/control/faults", faults, methods=["POST"]),
        ]
    )
