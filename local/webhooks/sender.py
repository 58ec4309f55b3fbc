"""One HTTP request of the queue: sent once, its outcome told whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

MAX_CONCURRENT = 64
# Shorter than the two seconds after which gunicorn closes an idle connection: a request sent into a closing
# connection would be lost, and nothing is sent twice.
_KEEP_ALIVE_SECONDS = 1.0


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


def http_client() -> httpx.AsyncClient:
    """The client that all requests share; proxies of the environment are not for calls within this machine."""
    limits = httpx.Limits(
        max_connections=MAX_CONCURRENT, max_keepalive_connections=MAX_CONCURRENT, keepalive_expiry=_KEEP_ALIVE_SECONDS
    )
    return httpx.AsyncClient(limits=limits, timeout=None, follow_redirects=True, trust_env=False)  # noqa: S113


async def send(client: httpx.AsyncClient, request: Request) -> Outcome:
    """Sends the request and reads the whole response within its timeout. Never raises for what the other side does."""
    try:
        async with asyncio.timeout(request.timeout_milliseconds / 1000):
            response = await client.request(request.method, request.url, headers=request.headers, content=request.body)
    except TimeoutError:
        return Outcome(request.id, timed_out=True, error=f"Timeout of {request.timeout_milliseconds} ms reached")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
        # ValueError and TypeError: a header or an address that cannot be put on a wire.
        return Outcome(request.id, timed_out=False, error=f"{type(error).__name__}: {error}")
    return Outcome(
        request.id,
        status_code=response.status_code,
        content_type=response.headers.get("content-type"),
        headers=dict(response.headers),
        # Postgres text has no NUL.
        content=response.text.replace("\x00", "\ufffd"),
        timed_out=False,
    )
