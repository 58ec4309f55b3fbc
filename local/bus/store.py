"""The dispatcher's calls of the bus schema. Every method raises psycopg.OperationalError when Postgres is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from local.bus.lanes import Message

# How long a taken message stays hidden. The advisory lock says who may deliver; this only keeps a second look from
# finding the message again, and a dispatcher that starts makes every hidden message visible at once.
LEASE = timedelta(hours=1)

# A delete that is lost in a crash of Postgres costs one more delivery, which consumers allow for.
_OPTIONS = "-c synchronous_commit=off -c application_name=agenttrader-bus"
_CONNECTIONS = 4
_POOL_SECONDS = 10.0


class QueueStore:
    """An async context manager around a small connection pool."""

    def __init__(self, database_url: str) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_POOL_SECONDS,
            kwargs={"autocommit": True, "options": _OPTIONS},
            open=False,
        )

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close(timeout=1)

    async def subscriptions(self) -> dict[str, str]:
        """The topic of every subscribed function."""
        return dict(await self._rows("select function, topic from bus.subscriptions order by function", []))

    async def recover(self) -> int:
        """Makes visible what a past dispatcher had in its hands; returns how many messages."""
        return int((await self._rows("select bus.recover()", []))[0][0])

    async def take(self, function: str, quantity: int, spared_keys: Sequence[str]) -> list[Message]:
        rows = await self._rows(
            "select msg_id, read_ct, enqueued_at, message, headers from bus.take(%s, %s, %s, %s)",
            [function, quantity, list(spared_keys), LEASE],
        )
        return [
            Message(
                msg_id,
                headers["x-pgmq-group"],
                headers["topic"],
                event,
                enqueued_at,
                failures,
                headers.get("attributes", {}),
            )
            for msg_id, failures, enqueued_at, event, headers in rows
        ]

    async def done(self, function: str, message: Message) -> None:
        await self._rows("select bus.done(%s, %s)", [function, [message.id]])

    async def failed(self, function: str, message: Message) -> int | None:
        """Counts one failed delivery; returns how many there were, None where somebody removed the message."""
        rows = await self._rows("select bus.failed(%s, %s, %s)", [function, message.id, LEASE])
        return None if rows[0][0] is None else int(rows[0][0])

    async def bury(self, function: str, message: Message, error: str) -> None:
        await self._rows("select bus.bury(%s, %s, %s)", [function, message.id, error])

    async def in_flight(self) -> int:
        return int((await self._rows("select bus.in_flight()", []))[0][0])

    async def _rows(self, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
        # PoolTimeout is an OperationalError too: no connection within the time means that Postgres is gone.
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, values)
            return await cursor.fetchall()
