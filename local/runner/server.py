"""gunicorn around the application: a master that replaces a killed worker at once, and threads for the calls."""

from __future__ import annotations

import ctypes
import signal
import socket
from typing import Any

from gunicorn.app.base import BaseApplication

from local.runner.application import Wsgi

# Longer than any pause between two messages: the dispatcher keeps its connections open.
_KEEP_ALIVE_SECONDS = 600
_GRACE_SECONDS = 5
_PR_SET_PDEATHSIG = 1


def _die_with_master(_arbiter: Any, _worker: Any) -> None:
    # A worker that outlived a killed master would hold the port, and the next master could not start.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class FunctionServer(BaseApplication):  # type: ignore[misc] # gunicorn has no type information
    """Serves `application` on a socket that listens already. `run()` returns never: it ends the process."""

    def __init__(self, application: Wsgi, listener: socket.socket, workers: int, threads: int) -> None:
        self._application = application
        self._settings: dict[str, Any] = {
            "bind": f"fd://{listener.fileno()}",
            "worker_class": "gthread",
            "workers": workers,
            "threads": threads,
            # The application is loaded in the master, so that a new worker is a fork away.
            "preload_app": True,
            "keepalive": _KEEP_ALIVE_SECONDS,
            "graceful_timeout": _GRACE_SECONDS,
            # A slow function is ended by its caller's timeout; gunicorn's would kill the other functions with it.
            "timeout": 0,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            # gunicorn's own control socket would lie in the user's home and be shared by every server on the machine.
            "control_socket_disable": True,
            "post_fork": _die_with_master,
            "proc_name": "agenttrader-functions",
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Wsgi:
        return self._application
