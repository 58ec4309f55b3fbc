"""``python -m local.webhooks --database-url URL --port PORT [--lose SHARE --seed N]``"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from functions.core.errors import BadInput
from local.process.listening import listen_or_exit, log_to_stderr
from local.process.serving import serve
from local.webhooks.control import control_app
from local.webhooks.faults import Faults
from local.webhooks.worker import Worker

WRONG_USE_EXIT = 2


def main() -> int:
    """Runs until SIGTERM; exit code 3 where the port is taken, 2 on wrong use."""
    parser = argparse.ArgumentParser(prog="python -m local.webhooks", description="the webhook and cron worker")
    parser.add_argument(
        "--database-url",
        default=os.environ.get("AGENTTRADER_DATABASE_URL"),
        help="Postgres, as the superuser; or the environment variable AGENTTRADER_DATABASE_URL",
    )
    parser.add_argument("--port", type=int, required=True, help="control port on 127.0.0.1")
    parser.add_argument("--lose", type=float, default=0.0, help="share of requests to lose on purpose, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="which requests are lost")
    arguments = parser.parse_args()
    if not arguments.database_url:
        parser.error("--database-url or AGENTTRADER_DATABASE_URL is needed")
    log_to_stderr()
    try:
        worker = Worker(arguments.database_url, Faults(arguments.lose, arguments.seed))
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE_EXIT
    listener = listen_or_exit(arguments.port, "webhook worker")
    asyncio.run(serve(control_app(worker), listener, worker.run()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
