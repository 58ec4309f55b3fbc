"""python -m local.hotstore --port N: the hot store, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys

from local.hotstore.memory import Memory
from local.hotstore.server import Connection
from local.process.listening import listen_or_exit, log_to_stderr


async def _serve(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for received in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(received, stop.set)
    memory = Memory()
    # A context manager would wait for clients to go; they keep their connections, so the server leaves first.
    server = await loop.create_server(lambda: Connection(memory), sock=listener)
    await stop.wait()
    server.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.hotstore", description="the hot store, in memory")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    log_to_stderr()
    asyncio.run(_serve(listen_or_exit(options.port, "hot store")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
