"""The hot store of one machine: a client of the process `local.hotstore`, one JSON line each way over TCP."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from functions.core.errors import BadInput, Misconfigured, Unavailable
from functions.core.hotstore.port import Entry, Lease

_SECONDS = 5.0
_CHUNK = 65_536


class LocalHotStore:
    """Thread-safe. Connects at the first call, never before, so that a process may fork first.

    `url` names host and port (`http://127.0.0.1:21006`). A store that was restarted is found again by itself. A call
    whose connection breaks while it waits raises Unavailable: whether a write took effect is then not known.
    """

    def __init__(self, url: str, timeout: float = _SECONDS) -> None:
        parts = urlsplit(url)
        try:
            self._address = (parts.hostname or "", parts.port or 0)
        except ValueError:
            self._address = ("", 0)
        if not all(self._address):
            raise Misconfigured("BAD_HOTSTORE_URL", f"expected http://host:port of the hot store, was {url!r}")
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []

    def get(self, key: str) -> Entry | None:
        return _entry(self._call({"op": "get", "key": key}))

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        found = self._call({"op": "get_many", "keys": list(keys)})
        return {key: _present(entry) for key, entry in found.items()}

    def put(self, key: str, value: Any) -> Entry:
        return _present(self._call({"op": "put", "key": key, "value": value}))

    def put_many(self, values: Mapping[str, Any]) -> None:
        self._call({"op": "put_many", "values": dict(values)})

    def compare_and_set(self, key: str, value: Any, version: int | None) -> Entry | None:
        return _entry(self._call({"op": "compare_and_set", "key": key, "value": value, "version": version}))

    def delete(self, key: str) -> None:
        self._call({"op": "delete", "key": key})

    def acquire(self, name: str, owner: str, ttl: timedelta) -> Lease | None:
        expires_at = self._call({"op": "acquire", "name": name, "owner": owner, "seconds": ttl.total_seconds()})
        return None if expires_at is None else Lease(name, owner, datetime.fromisoformat(expires_at))

    def release(self, name: str, owner: str) -> None:
        self._call({"op": "release", "name": name, "owner": owner})

    def close(self) -> None:
        """Closes the idle connections. Safe to call twice; a later call connects again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _call(self, request: dict[str, Any]) -> Any:
        try:
            # NaN is no JSON; sent, it would be refused by the next reader instead of by its writer.
            line = json.dumps(request, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise BadInput("BAD_VALUE", f"the hot store keeps JSON only: {error}") from error
        connection = self._take()
        try:
            connection.sendall(line)
            reply = _read_line(connection)
        except OSError as error:
            connection.close()
            raise Unavailable("HOTSTORE_UNAVAILABLE", f"the hot store did not answer: {error}") from error
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        answer = json.loads(reply)
        if "error" in answer:
            raise BadInput("BAD_REQUEST", f"the hot store refused {request['op']}: {answer['error']}")
        return answer["ok"]

    def _take(self) -> socket.socket:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect()
            # Nothing is due on an idle connection: something to read means that the store has closed it.
            poll = select.poll()
            poll.register(connection, select.POLLIN)
            if not poll.poll(0):
                return connection
            connection.close()

    def _connect(self) -> socket.socket:
        try:
            connection = socket.create_connection(self._address, timeout=self._timeout)
        except OSError as error:
            host, port = self._address
            raise Unavailable(
                "HOTSTORE_UNAVAILABLE", f"the hot store at {host}:{port} cannot be reached: {error}"
            ) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _read_line(connection: socket.socket) -> bytes:
    received = connection.recv(_CHUNK)
    if received.endswith(b"\n"):
        return received
    parts = [received]
    while not parts[-1].endswith(b"\n"):
        if not parts[-1]:
            raise ConnectionResetError("the connection was closed before the answer")
        parts.append(connection.recv(_CHUNK))
    return b"".join(parts)


def _entry(entry: list[Any] | None) -> Entry | None:
    return None if entry is None else _present(entry)


def _present(entry: list[Any]) -> Entry:
    value, version, written_at = entry
    return Entry(value, version, datetime.fromisoformat(written_at))
