"""The scheduler's port: health, and in a replay the ticks of somebody else's clock."""

from __future__ import annotations

import asyncio

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from functions.core.errors import AgentTraderError
from local.scheduler.jobs import DueRun, Ticker
from local.scheduler.runs import Runner


class _Tick(BaseModel):
    model_config = ConfigDict(extra="forbid")

    now: AwareDatetime
    since: AwareDatetime | None = None
    spare: list[str] = []


class _Run(BaseModel):
    model_config = ConfigDict(extra="forbid")

    functions: list[str]
    now: AwareDatetime


def control_app(clock: str, ticker: Ticker, runner: Runner) -> Starlette:
    """GET /health; POST /run {functions, now}; and with an external clock POST /tick {now, since?, spare?}.

    `spare` names functions that this tick leaves out. Both POSTs answer when every run has ended, with
    {"runs": [{function, scheduled_at, status, error}], "ok": bool}: 200 also where a function failed, because that is
    for the caller to see in `runs`.
    """
    one_at_a_time = asyncio.Lock()

    async def run_all(due: list[DueRun]) -> JSONResponse:
        runs = [(await runner.run(each)).as_json() for each in due]
        return JSONResponse({"ok": all(not run["error"] for run in runs), "runs": runs})

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "clock": clock})

    async def tick(request: Request) -> JSONResponse:
        if clock != "external":
            return _error(
                409, "WRONG_CLOCK", "ticks are taken with --clock external only; this scheduler has its own clock"
            )
        wanted = _Tick.model_validate_json(await request.body())
        async with one_at_a_time:
            due = ticker.due(wanted.now, wanted.since)
            return await run_all([run for run in due if run.job.function not in wanted.spare])

    async def run(request: Request) -> JSONResponse:
        wanted = _Run.model_validate_json(await request.body())
        async with one_at_a_time:
            return await run_all(ticker.named(wanted.functions, wanted.now))

    async def refused(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            return _error(400, "BAD_REQUEST", f"{where}: {first['msg']}")
        if isinstance(error, AgentTraderError):
            return _error(409 if error.code == "CLOCK_WENT_BACK" else 400, error.code, error.text)
        raise error

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/tick", tick, methods=["POST"]),
            Route("/run", run, methods=["POST"]),
        ],
        exception_handlers={ValidationError: refused, AgentTraderError: refused},
    )


def _error(status: int, code: str, text: str) -> JSONResponse:
    return JSONResponse({"code": code, "text": text}, status_code=status)
