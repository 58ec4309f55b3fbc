"""The web server of the simulator: REST and both websockets on one port."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp

_GRACE_SECONDS = 1
_PING_SECONDS = 20.0


def server(app: ASGIApp, *, dated: bool = True) -> uvicorn.Server:
    """A server that logs warnings only. Run it with a socket that listens already.

    Without `dated` the answers' Date header is left to the application.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            date_header=dated,
            ws="websockets-sansio",
            ws_ping_interval=_PING_SECONDS,
            ws_max_size=1 << 20,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=75,
        )
    )
