"""A broker's messages about an account on their way to whoever listens.

There is no replay: who is not connected misses them. The stream faults of every venue strike here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from local.simulators.venue.clock import instant
from local.simulators.venue.connection import Connection
from local.simulators.venue.faults import Faults

_DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Held:
    account_id: str
    message: bytes | str
    is_child: bool


class StreamHub:
    """Messages are held back by `emit` and sent by `release`, so that the answer to a request can go first."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held: list[_Held] = []
        self._late: dict[str, _Held] = {}
        self._listeners: dict[str, list[Connection]] = {}
        self._positions: dict[str, datetime] = {}
        # Accounts whose last message reached nobody who is still there.
        self._missed: set[str] = set()

    def emit(self, account_id: str, message: bytes | str, at: datetime, *, is_child: bool = False) -> None:
        """Takes a message of an account, stamped `at` (UTC); `is_child` where it is about a group's child order."""
        self._positions[account_id] = at
        self._held.append(_Held(account_id, message, is_child))

    def release(self) -> None:
        """Sends what is held, in order but for the faults."""
        held, self._held = self._held, []
        for one in held:
            if one.is_child and self._faults.take("child_not_streamed", one.account_id):
                continue
            if one.account_id not in self._late and self._faults.take("out_of_order_stream_event", one.account_id):
                self._late[one.account_id] = one
                continue
            self._send(one)
            late = self._late.pop(one.account_id, None)
            if late is not None:
                self._send(late)

    def _send(self, one: _Held) -> None:
        times = 2 if self._faults.take("duplicate_stream_event", one.account_id) else 1
        listeners = self._listeners.get(one.account_id, [])
        (self._missed.discard if listeners else self._missed.add)(one.account_id)
        for connection in listeners:
            for _ in range(times):
                connection.send(one.message)

    async def drained(self, account_id: str) -> None:
        """Returns when the account's listeners were given everything, or do not take it within seconds."""
        waiting = [connection.drained() for connection in self._listeners.get(account_id, [])]
        if waiting:
            await asyncio.wait([asyncio.ensure_future(one) for one in waiting], timeout=_DRAIN_SECONDS)

    def listen(self, account_id: str, connection: Connection) -> None:
        listeners = self._listeners.setdefault(account_id, [])
        if connection not in listeners:
            listeners.append(connection)

    def leave(self, account_id: str, connection: Connection) -> None:
        listeners = self._listeners.get(account_id, [])
        if connection in listeners:
            listeners.remove(connection)
            if not listeners:
                self._missed.add(account_id)

    def drop(self, account_id: str | None) -> None:
        """Closes the streams of an account, or of all, and forgets them at once: what follows is lost to them."""
        for owner, listeners in self._listeners.items():
            if account_id in (None, owner):
                for connection in listeners:
                    connection.close()
                listeners.clear()
                self._missed.add(owner)

    def positions(self, listed: Callable[[datetime], datetime] = lambda at: at) -> dict[str, str]:
        """The stamp of the last message made for each account, sent or not.

        Who missed it reads the broker's lists instead: `listed` says up to when these tell, by the broker's own clock.
        """
        return {
            account_id: instant(listed(at) if account_id in self._missed else at)
            for account_id, at in sorted(self._positions.items())
        }

    def reset(self) -> None:
        """Forgets messages; listeners stay."""
        self._held.clear()
        self._late.clear()
        self._positions.clear()
        self._missed.clear()
