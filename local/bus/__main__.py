"""python -m local.bus: delivers the queues' messages to the functions.

The database address may come by --database-url or, so that no password shows in a process list, by
AGENTTRADER_BUS_DATABASE_URL. Its role is `bus_dispatcher` or stronger.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from functions.core.errors import AgentTraderError
from functions.core.wiring import WIRING_FILE, read
from local.bus.backoff import Backoff
from local.bus.control import control_app
from local.bus.dispatcher import Dispatcher
from local.process.listening import listen_or_exit, log_to_stderr
from local.process.serving import serve


def main() -> int:
    usual = Backoff()
    parser = argparse.ArgumentParser(prog="python -m local.bus", description="delivers bus messages to the functions")
    parser.add_argument("--database-url", default=os.environ.get("AGENTTRADER_BUS_DATABASE_URL"))
    parser.add_argument("--functions-url", required=True, help="http://host:port of the function runner")
    parser.add_argument("--port", type=int, required=True, help="control port")
    parser.add_argument("--wiring", type=Path, default=WIRING_FILE, help="the wiring table")
    parser.add_argument("--attempts", type=int, default=usual.attempts, help="failed deliveries before a dead letter")
    parser.add_argument("--backoff-first-ms", type=int, default=int(usual.first * 1000))
    parser.add_argument("--backoff-cap-ms", type=int, default=int(usual.cap * 1000))
    options = parser.parse_args()
    if not options.database_url:
        parser.error("--database-url or AGENTTRADER_BUS_DATABASE_URL is needed")
    log_to_stderr()
    listener = listen_or_exit(options.port, "bus dispatcher")
    try:
        dispatcher = Dispatcher(
            options.database_url,
            options.functions_url,
            read(options.wiring),
            Backoff(options.backoff_first_ms / 1000, options.backoff_cap_ms / 1000, options.attempts),
        )
        asyncio.run(serve(control_app(dispatcher), listener, dispatcher.run()))
    except AgentTraderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
