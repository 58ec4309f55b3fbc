"""Runs one worker of the wiring table until SIGTERM: `python -m functions.worker stream_market_data`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module

from functions.core.errors import AgentTraderError, Misconfigured
from functions.core.log import logger
from functions.core.wiring import wiring

Worker = Callable[[asyncio.Event], Awaitable[None]]


def load(name: str) -> Worker:
    """The worker's entry point. Raises Misconfigured UNKNOWN_WORKER."""
    function = wiring().functions.get(name)
    if function is None or function.trigger != "worker":
        known = ", ".join(key for key, value in wiring().functions.items() if value.trigger == "worker")
        raise Misconfigured("UNKNOWN_WORKER", f"expected one of {known}, was {name!r}")
    worker: Worker = getattr(import_module(f"functions.{function.folder}.handlers"), name)
    return worker


async def run(worker: Worker) -> None:
    """Runs the worker; SIGTERM and SIGINT ask it to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for received in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(received, stop.set)
    await worker(stop)


def main(arguments: list[str]) -> int:
    """Exit code 0 after a clean stop, 2 for wrong use, 3 where the environment is not right."""
    log = logger("worker")
    if len(arguments) != 1:
        log.error("wrong use", usage="python -m functions.worker NAME")
        return 2
    try:
        asyncio.run(run(load(arguments[0])))
    except AgentTraderError as error:
        log.error("worker ended", worker=arguments[0], code=error.code, reason=str(error))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
