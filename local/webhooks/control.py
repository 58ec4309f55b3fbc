"""The worker's control door: health, and the fault switch."""

from __future__ import annotations

import json
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from functions.core.errors import BadInput
from local.webhooks.faults import Faults
from local.webhooks.worker import Worker


def control_app(worker: Worker) -> Starlette:
    """GET /health (503 without a database), GET and POST /control/faults."""

    async def health(_: Request) -> JSONResponse:
        body = {"ok": worker.connected, "in_flight": worker.in_flight, "sent": worker.sent, "lost": worker.lost}
        return JSONResponse(body, status_code=200 if worker.connected else 503)

    async def faults(request: Request) -> JSONResponse:
        if request.method == "POST":
            try:
                worker.faults = Faults.parse(json.loads(await request.body()))
            except BadInput as error:
                return JSONResponse({"error": error.code, "message": error.text}, status_code=400)
            except ValueError as error:
                return JSONResponse({"error": "BAD_JSON", "message": f"not JSON: {error}"}, status_code=400)
        return JSONResponse(asdict(worker.faults))

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/control/faults", faults, methods=["GET", "POST"]),
        ]
    )
