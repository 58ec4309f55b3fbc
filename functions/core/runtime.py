"""Between the framework and a handler: decoding events, proving webhooks, and one event loop for async SDKs."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import socket
import threading
import uuid
from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any, TypeVar

from functions.core.errors import BadInput, NotAuthorised
from functions.core.events import Event, parse
from functions.core.settings import Settings

Result = TypeVar("Result")


def event_of(message: Any) -> Event:
    """The event of a CloudEvent, or of a raw Pub/Sub push: `data` holds {"message": {"data": base64}} in both.

    Raises BadInput BAD_MESSAGE or BAD_EVENT.
    """
    return parse(payload_of(message))


def payload_of(message: Any) -> dict[str, Any]:
    """The JSON object that was published. Raises BadInput BAD_MESSAGE."""
    data: Any = message if isinstance(message, Mapping) else getattr(message, "data", None)
    try:
        if isinstance(data, (bytes, str)):
            data = json.loads(data)
        found = json.loads(base64.b64decode(data["message"]["data"], validate=True))
    except (TypeError, KeyError, ValueError) as error:
        raise BadInput("BAD_MESSAGE", f"expected a Pub/Sub message with JSON data, was {str(data)[:200]!r}") from error
    if not isinstance(found, dict):
        raise BadInput("BAD_MESSAGE", f"expected a JSON object as the message's data, was {type(found).__name__}")
    return found


def require_webhook_secret(headers: Mapping[str, str], configuration: Settings) -> None:
    """Raises NotAuthorised unless the caller knows the webhook's secret."""
    expected = configuration.webhook_secret
    given = headers.get("x-webhook-secret", "")
    if expected is None or not hmac.compare_digest(given.encode(), expected.get_secret_value().encode()):
        raise NotAuthorised("BAD_WEBHOOK_SECRET", "the call does not carry the webhook's secret in x-webhook-secret")


def owner() -> str:
    """Who this process is in a lease: unlike every other process, on this machine or another, before or after a fork.

    AGENTTRADER_WORKER_ID names it instead: a supervisor that runs one process of a name lets the restarted one take
    its lease back at once.
    """
    return os.environ.get("AGENTTRADER_WORKER_ID") or _drawn(os.getpid())


@cache
def _drawn(pid: int) -> str:
    return f"{socket.gethostname()}-{pid}-{uuid.uuid4().hex[:8]}"


class EventLoop:
    """One event loop in one thread, started at the first call: after a web server's fork, never before.

    A fresh loop per call would break the connection pools of async clients.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs the coroutine on the loop and waits for its result; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._started()).result()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True).start()
            return self._loop


event_loop = EventLoop()
