"""A small HTTP/1.1 client over asyncio: kept connections, one request at a time on each, no redirect, proxy or retry.

The usual clients cost half a second of start-up and milliseconds per request, which is the whole budget from a trigger
to its POST.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import h11

# Shorter than the two seconds after which gunicorn closes an idle connection: a request sent into a closing
# connection would be lost, and nothing is sent twice.
_KEEP_ALIVE_SECONDS = 1.0
_READ_BYTES = 65536
_URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"

FAILURES = (OSError, EOFError, h11.ProtocolError, ValueError)
"""What `HttpPool.request` raises for the other side's doing, or for a request that cannot be put on a wire."""

_Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Header names are lower case; where one comes twice, the last one counts."""

    status: int
    headers: dict[str, str]
    content: bytes


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: h11.Connection
    idle_since: float = 0.0

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.idle_since < _KEEP_ALIVE_SECONDS and not self.reader.at_eof()


class HttpPool:
    """Any number of concurrent requests; the caller bounds them, and their time (`asyncio.timeout`)."""

    def __init__(self) -> None:
        self._idle: defaultdict[_Origin, list[_Connection]] = defaultdict(list)
        self._tls: ssl.SSLContext | None = None

    async def request(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> HttpResponse:
        """Sends one request and reads the whole response. Raises one of FAILURES."""
        # What is already percent-encoded stays; the rest of an international address becomes ASCII.
        parts = urlsplit(quote(url, safe=_URL_CHARACTERS))
        is_tls = parts.scheme == "https"
        origin = (parts.scheme, parts.hostname or "", parts.port or (443 if is_tls else 80))
        names = {name.lower() for name in headers}
        sent = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        if "host" not in names:
            sent.append((b"Host", parts.netloc.rpartition("@")[2].encode("ascii")))
        if "content-length" not in names and (body is not None or method == "POST"):
            sent.append((b"Content-Length", str(len(body or b"")).encode()))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = h11.Request(method=method, target=target, headers=sent)

        connection = self._take(origin) or await self._connect(origin)
        try:
            response = await _exchange(connection, request, body)
        except BaseException:
            # Also when the time is over: what may still come would be taken for the next request's answer.
            connection.writer.close()
            raise
        self._give_back(origin, connection)
        return response

    def close(self) -> None:
        """Closes what is idle."""
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.close()
        self._idle.clear()

    def _take(self, origin: _Origin) -> _Connection | None:
        while self._idle[origin]:
            connection = self._idle[origin].pop()
            if connection.is_fresh:
                return connection
            connection.writer.close()
        return None

    async def _connect(self, origin: _Origin) -> _Connection:
        scheme, host, port = origin
        if scheme == "https" and self._tls is None:
            self._tls = ssl.create_default_context()
        reader, writer = await asyncio.open_connection(host, port, ssl=self._tls if scheme == "https" else None)
        return _Connection(reader, writer, h11.Connection(our_role=h11.CLIENT))

    def _give_back(self, origin: _Origin, connection: _Connection) -> None:
        protocol = connection.protocol
        if protocol.our_state is h11.DONE and protocol.their_state is h11.DONE:
            protocol.start_next_cycle()
            connection.idle_since = time.monotonic()
            self._idle[origin].append(connection)
        else:
            connection.writer.close()


async def _exchange(connection: _Connection, request: h11.Request, body: bytes | None) -> HttpResponse:
    protocol, writer = connection.protocol, connection.writer
    writer.write(protocol.send(request) or b"")
    if body:
        writer.write(protocol.send(h11.Data(body)) or b"")
    writer.write(protocol.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    head: h11.Response | None = None
    content = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await connection.reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
            return HttpResponse(head.status_code, headers, bytes(content))
        elif isinstance(event, h11.ConnectionClosed):
            raise EOFError("the connection was closed before the response")
