"""python -m local.scheduler --port N --functions-url URL: wakes the scheduled functions, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from functions.core.errors import AgentTraderError
from functions.core.hotstore.local import LocalHotStore
from functions.core.wiring import WIRING_FILE, read
from local.bus.delivery import Courier
from local.process.listening import listen_or_exit, log_to_stderr
from local.process.serving import serve
from local.scheduler.clockwork import HotLastRuns, run_forever
from local.scheduler.control import control_app
from local.scheduler.jobs import Ticker, jobs_of
from local.scheduler.runs import Runner


async def _nothing() -> None:
    """With an external clock the scheduler does nothing by itself."""
    await asyncio.Event().wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.scheduler", description="wakes the scheduled functions")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--functions-url", required=True, help="http://host:port of the function runner")
    parser.add_argument("--hotstore-url", required=True, help="http://host:port; remembers the last runs")
    parser.add_argument("--clock", choices=["system", "external"], default="system")
    parser.add_argument("--wiring", type=Path, default=WIRING_FILE, help="the wiring table")
    options = parser.parse_args()
    log_to_stderr()
    listener = listen_or_exit(options.port, "scheduler")
    try:
        jobs = jobs_of(read(options.wiring))
        runner = Runner(Courier(options.functions_url))
        last_runs = HotLastRuns(LocalHotStore(options.hotstore_url))
    except AgentTraderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    work = run_forever(jobs, runner, last_runs) if options.clock == "system" else _nothing()
    asyncio.run(serve(control_app(options.clock, Ticker(jobs), runner), listener, work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
