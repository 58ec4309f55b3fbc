"""The web server of the simulator: REST and both websockets on one port."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp

_GRACE_SECONDS = 1
_PING_SECONDS = 20.0


def server(app: ASGIApp) -> uvicorn.Server:
    """A server that logs warnings only. Run it with a socket that listens already."""
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
