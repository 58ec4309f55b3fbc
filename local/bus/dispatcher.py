"""The one dispatcher: holds the lock, hears the queues, and starts over when Postgres went away."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection

from functions.core.errors import Misconfigured
from functions.core.wiring import Wiring
from local.bus.backoff import Backoff
from local.bus.delivery import Courier
from local.bus.faults import FaultPlan, Faults
from local.bus.store import QueueStore
from local.bus.subscription import Means, Subscription

_LOG = logging.getLogger("bus")

# Any number that nothing else in this database uses as an advisory lock.
_LOCK = 4_771_100_001
_RECONNECT = Backoff(first=0.05, cap=2.0)
_MOST_THREADS = 64
# How long deliveries may go on after the database was lost, before they are cut off.
_GRACE_SECONDS = 5.0

Role = Literal["connecting", "standby", "active"]


@dataclass(slots=True)
class Dispatcher:
    """Delivers what the wiring table says from the queues at `database_url` to `functions_url`."""

    database_url: str
    functions_url: str
    table: Wiring
    backoff: Backoff = field(default_factory=Backoff)
    role: Role = "connecting"
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    _faults: Faults = field(default_factory=Faults)
    _means: Means | None = None
    _subscriptions: dict[str, Subscription] = field(default_factory=dict)

    # --- what the control port asks ---------------------------------------------------------------------------------

    @property
    def plan(self) -> FaultPlan:
        """The faults in force."""
        return self._faults.plan

    def set_faults(self, plan: FaultPlan) -> None:
        """Puts a plan in force for the deliveries from now on, with its draws from the beginning."""
        self._faults = Faults(plan)
        if self._means is not None:
            self._means.faults = self._faults

    def state(self) -> dict[str, Any]:
        """Role, faults, and counts per function since this process began; `held` is taken and not yet settled."""
        functions = {
            name: {"held": self._subscriptions[name].held if name in self._subscriptions else 0, **counts}
            for name, counts in sorted(self.counts.items())
        }
        return {"role": self.role, "faults": self.plan.model_dump(), "functions": functions}

    # --- the work ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Delivers until cancelled. A lost database is reconnected; what was in flight is then delivered again."""
        lost = 0
        while True:
            try:
                await self._session()
            except psycopg.OperationalError as error:
                lost = 1 if self.role == "active" else lost + 1
                self.role = "connecting"
                if lost == 1:
                    _LOG.warning("the database is not there, trying again: %s", str(error).strip())
                await asyncio.sleep(_RECONNECT.after_failure(lost))

    async def _session(self) -> None:
        connection = await AsyncConnection.connect(self.database_url, autocommit=True, connect_timeout=5)
        async with connection, QueueStore(self.database_url) as store:
            await self._become_the_one(connection)
            await connection.execute("listen bus")
            freed = await store.recover()
            if freed:
                _LOG.info("%d messages were in flight when the last dispatcher ended; delivering them again", freed)
            threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="deliver")
            courier = Courier(self.functions_url)
            self._means = Means(store, courier, threads, self.backoff, self._faults)
            try:
                await self._deliver(connection, self._means, await store.subscriptions())
            except* psycopg.OperationalError as errors:
                raise _first(errors) from errors
            finally:
                self._means = None
                await _let_end(threads, courier)

    async def _become_the_one(self, connection: AsyncConnection[Any]) -> None:
        # The lock is held by the session, so it is free the moment a killed dispatcher's connection is gone.
        cursor = await connection.execute("select pg_try_advisory_lock(%s)", [_LOCK])
        if await cursor.fetchone() != (True,):
            self.role = "standby"
            _LOG.info("another dispatcher is at work; waiting for it to end")
            await connection.execute("select pg_advisory_lock(%s)", [_LOCK])

    async def _deliver(self, connection: AsyncConnection[Any], means: Means, topics: dict[str, str]) -> None:
        async with asyncio.TaskGroup() as group:
            self._subscriptions = {name: self._subscription(name, means, group) for name in topics}
            for subscription in self._subscriptions.values():
                group.create_task(subscription.take_forever())
                subscription.wake()
            self.role = "active"
            async for notice in connection.notifies():
                heard = self._subscriptions.get(notice.payload)
                if heard is not None:
                    heard.wake()

    def _subscription(self, name: str, means: Means, group: asyncio.TaskGroup) -> Subscription:
        function = self.table.functions.get(name)
        if function is None:
            raise Misconfigured("BUS_NOT_READY", f"the database has a queue for {name}, which the wiring table lacks")
        timeout = (function.timeout or self.table.defaults.timeout).removesuffix("s")
        concurrency = function.concurrency or self.table.defaults.concurrency
        counts = self.counts.setdefault(name, Counter())
        return Subscription(name, concurrency, float(timeout), means, counts, group)


async def _let_end(threads: ThreadPoolExecutor, courier: Courier) -> None:
    # A message must not be delivered by the next session while this one still is at it.
    ended = asyncio.create_task(asyncio.to_thread(threads.shutdown))
    try:
        await asyncio.wait_for(asyncio.shield(ended), _GRACE_SECONDS)
    except TimeoutError:
        courier.abort()
        await ended


def _first(errors: BaseExceptionGroup[psycopg.OperationalError]) -> psycopg.OperationalError:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, psycopg.OperationalError) else psycopg.OperationalError(str(first))
