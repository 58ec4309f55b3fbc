"""POSTs CloudEvents to the functions, over connections that each thread keeps open."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from functions.core.errors import BadInput
from local.bus.cloudevent import Push

_WORDS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """How one delivery ended.

    `status` is the HTTP status, None where there was none. `reached` is False where nobody listened: then the message
    was certainly not seen. `error` says what went wrong, empty for a 2xx.
    """

    status: int | None
    reached: bool
    error: str

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Courier:
    """Delivers to `{base_url}/{function}`. Thread-safe; raises nothing for a delivery that fails, it says so."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "http" or parts.hostname is None:
            raise BadInput("BAD_URL", f"expected http://host:port of the function runner, was {base_url!r}")
        self._host = parts.hostname
        self._port = parts.port or 80
        self._path = parts.path.rstrip("/")
        self._kept = threading.local()
        self._all: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def deliver(self, function: str, push: Push, timeout: float) -> Answer:
        """Posts and waits for the answer, at most `timeout` seconds."""
        headers, body = push.request()
        connection = self._connection(timeout)
        try:
            if connection.sock is None:
                connection.connect()
        except OSError as error:
            connection.close()
            return Answer(None, reached=False, error=f"the function runner cannot be reached: {error}")
        try:
            connection.request("POST", f"{self._path}/{function}", body, headers)
            response = connection.getresponse()
            text = response.read()
        except TimeoutError:
            connection.close()
            return Answer(None, reached=True, error=f"no answer within {timeout:g} s")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return Answer(None, reached=True, error=f"the connection broke: {type(error).__name__} {error}".rstrip())
        if 200 <= response.status < 300:
            return Answer(response.status, reached=True, error="")
        words = text[:_WORDS_KEPT].decode(errors="replace").strip()
        return Answer(response.status, reached=True, error=f"HTTP {response.status}" + (f": {words}" if words else ""))

    def abort(self) -> None:
        """Ends every delivery that still waits for its answer, as if the connection had broken."""
        with self._lock:
            for connection in self._all:
                # Read once: the thread that owns the connection may drop its socket meanwhile.
                held = connection.sock
                if held is not None:
                    with contextlib.suppress(OSError):
                        held.shutdown(socket.SHUT_RDWR)

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is None:
            kept = self._kept.connection = http.client.HTTPConnection(self._host, self._port)
            with self._lock:
                self._all.append(kept)
        kept.timeout = timeout
        if kept.sock is not None:
            # A kept connection has nothing to read unless its server closed it; then the POST would be lost half-way.
            poll = select.poll()
            poll.register(kept.sock, select.POLLIN)
            if poll.poll(0):
                kept.close()
            else:
                kept.sock.settimeout(timeout)
        return kept
