"""The queue's rows: claim, record, drop what a dead worker had begun, prune."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import psycopg
from psycopg.types.json import Jsonb

from local.webhooks.sender import Outcome, Request

RESPONSES_KEPT = "6 hours"

_CLAIM = """
    update net.http_request_queue as queue set started_at = clock_timestamp()
    where queue.id in (
        select id from net.http_request_queue where started_at is null order by id limit %s
    )
    returning queue.id, queue.method, queue.url, queue.headers, queue.body, queue.timeout_milliseconds
"""

_RECORD = """
    with recorded as (
        insert into net._http_response (id, status_code, content_type, headers, content, timed_out, error_msg)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (id) do nothing
    )
    delete from net.http_request_queue where id = %s
"""

_DROP_BEGUN = """
    with dropped as (
        delete from net.http_request_queue where started_at is not null and not id = any (%s) returning id
    )
    insert into net._http_response (id, timed_out, error_msg)
    select id, false, 'the worker ended before the response was recorded; the request is not sent again' from dropped
    on conflict (id) do nothing
"""


async def claim(connection: psycopg.AsyncConnection, limit: int) -> list[Request]:
    """Marks up to `limit` unbegun rows as begun and returns them, oldest first."""
    cursor = await connection.execute(_CLAIM, [limit])
    rows = await cursor.fetchall()
    return sorted(
        (
            Request(id_, method, url, {str(k): str(v) for k, v in headers.items()}, body, timeout)
            for id_, method, url, headers, body, timeout in rows
        ),
        key=lambda request: request.id,
    )


async def record(connection: psycopg.AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Stores the responses and removes their requests from the queue, in one transaction."""
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(
            _RECORD,
            [
                (
                    outcome.id,
                    outcome.status_code,
                    outcome.content_type,
                    None if outcome.headers is None else Jsonb(outcome.headers),
                    outcome.content,
                    outcome.timed_out,
                    outcome.error,
                    outcome.id,
                )
                for outcome in outcomes
            ],
        )


async def drop_begun(connection: psycopg.AsyncConnection, except_for: Collection[int]) -> int:
    """Removes rows begun by a worker that is gone; `except_for` are in flight here. Returns how many were dropped."""
    cursor = await connection.execute(_DROP_BEGUN, [list(except_for)])
    return cursor.rowcount


async def prune(connection: psycopg.AsyncConnection) -> None:
    """Forgets responses older than RESPONSES_KEPT."""
    await connection.execute("delete from net._http_response where created < now() - %s::interval", [RESPONSES_KEPT])
