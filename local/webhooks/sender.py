"""One HTTP request of the queue: sent once, its outcome told whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from local.webhooks.http_pool import FAILURES, HttpPool


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


async def send(pool: HttpPool, request: Request) -> Outcome:
    """Sends the request and reads the whole response within its timeout. Never raises for what the other side does."""
    try:
        async with asyncio.timeout(request.timeout_milliseconds / 1000):
            response = await pool.request(request.method, request.url, request.headers, request.body)
    except TimeoutError:
        return Outcome(request.id, timed_out=True, error=f"Timeout of {request.timeout_milliseconds} ms reached")
    except FAILURES as error:
        return Outcome(request.id, timed_out=False, error=f"{type(error).__name__}: {error}")
    return Outcome(
        request.id,
        status_code=response.status,
        content_type=response.headers.get("content-type"),
        headers=response.headers,
        # Postgres text has no NUL.
        content=response.content.decode("utf-8", "replace").replace("\x00", "\ufffd"),
        timed_out=False,
    )
