"""Taking a port of this machine, or saying in a sentence why not."""

from __future__ import annotations

import logging
import socket
import sys

from functions.core.errors import Misconfigured

PORT_TAKEN_EXIT = 3


def listen(port: int, wanted_by: str, backlog: int = 512) -> socket.socket:
    """A socket that listens on 127.0.0.1. Raises Misconfigured PORT_TAKEN."""
    # The protocol is named because asyncio turns off Nagle's delay only where it is, and a forking server's children
    # inherit the option: without it every answer on a connection that is kept open may wait 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Connections of a past run in TIME_WAIT do not keep the port; a living listener still does.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise Misconfigured(
            "PORT_TAKEN",
            f"the {wanted_by} needs port {port}, which is not free ({error.strerror}); "
            "stop what holds it, or choose another AGENTTRADER_PORT_BASE",
            port=port,
        ) from error
    return listener


def listen_or_exit(port: int, wanted_by: str) -> socket.socket:
    """As `listen`; where the port is taken, prints the sentence and ends the process with code 3."""
    try:
        return listen(port, wanted_by)
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(PORT_TAKEN_EXIT) from error


def log_to_stderr() -> None:
    """Plain lines of text: the supervisor keeps them in one file per process."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
