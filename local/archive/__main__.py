"""python -m local.archive --port N --data DIR: the archive, until SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from local.archive.kept import KeptArchive
from local.process.listening import listen_or_exit, log_to_stderr


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Whoever called has logged it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.archive", description="the archive, an S3 endpoint")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of its objects")
    options = parser.parse_args()
    log_to_stderr()
    listener = listen_or_exit(options.port, "archive")
    options.data.mkdir(parents=True, exist_ok=True)
    archive = KeptArchive(options.data)
    with listener:
        server = make_server(
            "127.0.0.1", options.port, archive, threaded=True, request_handler=_Quiet, fd=listener.fileno()
        )
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGINT, _end)
        server.serve_forever()
    return 0


def _end(_: int, __: object) -> None:
    # Every write that was answered is a file by then.
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
