"""One HTTP request of the queue: sent once, its outcome told whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

import httpcore

MAX_CONCURRENT = 64
# Shorter than the two seconds after which gunicorn closes an idle connection: a request sent into a closing
# connection would be lost, and nothing is sent twice.
_KEEP_ALIVE_SECONDS = 1.0
_URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"


@dataclass(frozen=True, slots=True)
class Request:
    """A row of net.http_request_queue."""

    id: int
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    timeout_milliseconds: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row of net._http_response: either a status and content, or an error."""

    id: int
    status_code: int | None = None
    content_type: str | None = None
    headers: dict[str, str] | None = None
    content: str | None = None
    timed_out: bool | None = None
    error: str | None = None


_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    # A header or an address that cannot be put on a wire.
    ValueError,
    TypeError,
)


def http_client() -> httpcore.AsyncConnectionPool:
    """The connections that all requests share. It follows no redirect and knows no proxy."""
    return httpcore.AsyncConnectionPool(
        max_connections=MAX_CONCURRENT,
        max_keepalive_connections=MAX_CONCURRENT,
        keepalive_expiry=_KEEP_ALIVE_SECONDS,
    )


async def send(client: httpcore.AsyncConnectionPool, request: Request) -> Outcome:
    """Sends the request and reads the whole response within its timeout. Never raises for what the other side does."""
    try:
        async with asyncio.timeout(request.timeout_milliseconds / 1000):
            response = await client.request(
                request.method,
                # What is already percent-encoded stays; the rest of an international address becomes ASCII.
                quote(request.url, safe=_URL_CHARACTERS),
                headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.items()],
                content=request.body,
            )
    except TimeoutError:
        return Outcome(request.id, timed_out=True, error=f"Timeout of {request.timeout_milliseconds} ms reached")
    except _FAILURES as error:
        return Outcome(request.id, timed_out=False, error=f"{type(error).__name__}: {error}")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Outcome(
        request.id,
        status_code=response.status,
        content_type=headers.get("content-type"),
        headers=headers,
        # Postgres text has no NUL.
        content=response.content.decode("utf-8", "replace").replace("\x00", "\ufffd"),
        timed_out=False,
    )
