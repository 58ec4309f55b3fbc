"""Every function of the wiring table as one WSGI application, each mounted at /<function>."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from functions.core.errors import Misconfigured
from functions.core.wiring import Function, Wiring

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# What functions import in the path that needs it. In the cloud each pays only for its own; here one process serves
# them all, so it pays before the fork, and a process that takes over from a killed one answers at once.
_HEAVY = ("alpaca.trading.client", "alpaca.data.historical.stock", "psycopg", "supabase", "jwt", "requests")


def served(table: Wiring) -> dict[str, Function]:
    """The functions that answer requests: all but the workers, which run on their own."""
    return {name: function for name, function in table.functions.items() if function.trigger != "worker"}


def signature(function: Function) -> str:
    """What the framework hands the entry point: `http` for webhooks and requests, `cloudevent` for the bus and cron."""
    by_request = function.trigger == "http" or hasattr(function.trigger, "webhook")
    return "http" if by_request else "cloudevent"


def build(table: Wiring, source: Path) -> Wsgi:
    """Loads `source` once per function, as the cloud does with FUNCTION_TARGET set. GET /health answers in front.

    Raises Misconfigured BAD_ENTRY_POINT naming the function that cannot be loaded. Starts no thread and opens no
    socket of its own: the processes that serve are forked after this.
    """
    from functions_framework import create_app
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    for module in _HEAVY:
        import_module(module)
    mounts: dict[str, Any] = {}
    for name, function in served(table).items():
        try:
            created = create_app(name, str(source), signature(function))  # type: ignore[no-untyped-call] # vendor's
        except Exception as error:
            raise Misconfigured(
                "BAD_ENTRY_POINT",
                f"the function {name} cannot be loaded: {type(error).__name__}: {error}",
                function=name,
            ) from error
        mounts[f"/{name}"] = _at_root(created)
    application: Wsgi = DispatcherMiddleware(_front(sorted(served(table))), mounts)
    return application


def _at_root(application: Wsgi) -> Wsgi:
    # Flask answers a mount without the closing slash with a redirect, which no sender of events follows.
    def rooted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return application({**environ, "PATH_INFO": environ.get("PATH_INFO") or "/"}, start_response)

    return rooted


def _front(names: list[str]) -> Wsgi:
    health = json.dumps({"status": "ok", "functions": names}).encode()

    def front(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/health":
            status, body = "200 OK", health
        else:
            status = "404 Not Found"
            body = json.dumps({"code": "UNKNOWN_FUNCTION", "text": f"expected one of {', '.join(names)}"}).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return front
