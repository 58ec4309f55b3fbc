"""Serving an application on one port of this machine."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import ASGIApp

from functions.core.errors import Misconfigured

HOST = "127.0.0.1"
_GRACE_SECONDS = 1
_PING_SECONDS = 20.0


def bind(port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises Misconfigured PORT_TAKEN."""
    # The protocol is named because asyncio turns off Nagle's delay only where it is; without it every answer on a
    # connection that is kept open waits 40 ms for the client's acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise Misconfigured(
            "PORT_TAKEN",
            f"port {port} of {HOST} cannot be used: {error.strerror}; stop what uses it, or choose another",
        ) from error
    return listening


def server(app: ASGIApp) -> uvicorn.Server:
    """A server that logs warnings only. Run it with the socket that `bind` gave."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            ws_ping_interval=_PING_SECONDS,
            ws_max_size=1 << 20,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=75,
        )
    )
