"""The hot store's wire: one JSON object per line each way, over TCP on 127.0.0.1.

A request is {"op": NAME, ...}; its answer {"ok": RESULT} or {"error": SENTENCE}, in the order of the requests. The one
HTTP request that is understood is GET /health, for whoever watches the process; anything else ends the connection,
so that a web page which posts to this port reaches no command.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

from local.hotstore.memory import HeldLease, Kept, Memory

_LONGEST_LINE = 8 * 1024 * 1024


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._transport is None or b"\n" not in data:
            if len(self._buffer) > _LONGEST_LINE:
                self._end(b'{"error":"a request may have 8 MiB at most"}\n')
            return
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        for line in lines:
            if not line.startswith(b"{"):
                self._end(self._http(line))
                return
            self._transport.write(answer(self._memory, line))

    def _http(self, line: bytes) -> bytes:
        if not line.startswith(b"GET /health "):
            return b'{"error":"expected one JSON object per line"}\n'
        body = json.dumps({"status": "ok", **self._memory.sizes()})
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length:"
        return f"{head} {len(body)}\r\n\r\n{body}".encode()

    def _end(self, last_words: bytes) -> None:
        self._buffer.clear()
        if self._transport is not None:
            self._transport.write(last_words)
            self._transport.close()


def answer(memory: Memory, line: bytes) -> bytes:
    """The line that answers a request line. A bad request is answered with an error and changes nothing."""
    try:
        request = json.loads(line)
        operation = _OPERATIONS[request["op"]]
        reply = {"ok": operation(memory, request)}
    except KeyError as error:
        reply = {"error": f"the request lacks {error} or names something that is not there"}
    except (ValueError, TypeError) as error:
        reply = {"error": f"the request cannot be read: {error}"}
    return json.dumps(reply, separators=(",", ":")).encode() + b"\n"


def _entry(kept: Kept | None) -> list[Any] | None:
    return None if kept is None else [kept.value, kept.version, kept.written_at]


def _lease(held: HeldLease | None) -> str | None:
    return None if held is None else held.expires_at


def _text(request: dict[str, Any], field: str) -> str:
    value = request[field]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} must be text, was {value!r}")
    return value


def _get_many(memory: Memory, request: dict[str, Any]) -> dict[str, Any]:
    found = {key: memory.get(key) for key in request["keys"]}
    return {key: _entry(kept) for key, kept in found.items() if kept is not None}


def _put_many(memory: Memory, request: dict[str, Any]) -> None:
    values = dict(request["values"])
    if "" in values:
        raise ValueError("a key must not be empty")
    for key, value in values.items():
        memory.put(key, value)


def _compare_and_set(memory: Memory, request: dict[str, Any]) -> list[Any] | None:
    version = request["version"]
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise ValueError(f"version must be a whole number or null, was {version!r}")
    return _entry(memory.compare_and_set(_text(request, "key"), request["value"], version))


def _acquire(memory: Memory, request: dict[str, Any]) -> str | None:
    seconds = float(request["seconds"])
    if not 0 < seconds < math.inf:
        raise ValueError(f"seconds must be above zero, was {seconds}")
    return _lease(memory.acquire(_text(request, "name"), _text(request, "owner"), seconds))


_OPERATIONS: dict[str, Callable[[Memory, dict[str, Any]], Any]] = {
    "get": lambda memory, request: _entry(memory.get(_text(request, "key"))),
    "get_many": _get_many,
    "put": lambda memory, request: _entry(memory.put(_text(request, "key"), request["value"])),
    "put_many": _put_many,
    "compare_and_set": _compare_and_set,
    "delete": lambda memory, request: memory.delete(_text(request, "key")),
    "acquire": _acquire,
    "release": lambda memory, request: memory.release(_text(request, "name"), _text(request, "owner")),
}
