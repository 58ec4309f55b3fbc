"""python -m local.runner --port N: the functions, until SIGTERM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from functions.core.errors import Misconfigured
from functions.core.wiring import WIRING_FILE, read
from local.process.listening import listen_or_exit, log_to_stderr
from local.runner.application import build
from local.runner.server import FunctionServer

_SOURCE = WIRING_FILE.parent / "main.py"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.runner", description="serves the functions")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=16, help="calls at once per process")
    parser.add_argument("--source", type=Path, default=_SOURCE, help="the file that holds the entry points")
    parser.add_argument("--wiring", type=Path, default=WIRING_FILE, help="the wiring table")
    options = parser.parse_args()
    log_to_stderr()
    listener = listen_or_exit(options.port, "function runner")
    try:
        application = build(read(options.wiring), options.source)
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # gunicorn reads the process's own arguments unless told otherwise.
    sys.argv = sys.argv[:1]
    FunctionServer(application, listener, options.workers, options.threads).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
