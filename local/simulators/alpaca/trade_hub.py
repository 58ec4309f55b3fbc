"""Trade updates on their way to whoever listens. There is no replay: who is not connected misses them."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

from local.simulators.venue.clock import instant
from local.simulators.venue.connection import Connection
from local.simulators.venue.faults import Faults

_DRAIN_SECONDS = 5.0


class TradeHub:
    """Updates are held back by `emit` and sent by `release`, so that the answer to a request can go first."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held: list[tuple[str, bytes]] = []
        self._listeners: dict[str, list[Connection]] = {}
        self._positions: dict[str, datetime] = {}

    def emit(self, account_id: str, data: dict[str, Any], at: datetime) -> None:
        """Takes an update of an account, stamped `at` (UTC)."""
        self._positions[account_id] = at
        message = json.dumps({"stream": "trade_updates", "data": data}).encode()
        self._held.append((account_id, message))

    def release(self) -> None:
        """Sends what is held, in order."""
        held, self._held = self._held, []
        for account_id, message in held:
            times = 2 if self._faults.take("duplicate_stream_event", account_id) else 1
            for connection in self._listeners.get(account_id, []):
                for _ in range(times):
                    connection.send(message)

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

    def drop(self, account_id: str | None) -> None:
        """Closes the streams of an account, or of all, and forgets them at once: what follows is lost to them."""
        for owner, listeners in self._listeners.items():
            if account_id in (None, owner):
                for connection in listeners:
                    connection.close()
                listeners.clear()

    def positions(self) -> dict[str, str]:
        """The stamp of the last update made for each account, sent or not."""
        return {account_id: instant(at) for account_id, at in sorted(self._positions.items())}

    def reset(self) -> None:
        """Forgets updates; listeners stay."""
        self._held.clear()
        self._positions.clear()
