"""Messages of the account streamer on their way. There is no replay: who is not there misses them."""

from __future__ import annotations

import asyncio
import copy
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from local.simulators.tastytrade.wire import instant, millis
from local.simulators.venue.connection import Connection
from local.simulators.venue.faults import Faults

Kind = Literal["Order", "ComplexOrder", "CurrentPosition", "AccountBalance", "TradingStatus"]
_DRAIN_SECONDS: Final = 5.0
_UNKNOWN_STATUS: Final = "Dead"


@dataclass(frozen=True, slots=True)
class _Held:
    account: str
    kind: Kind
    data: dict[str, Any]
    at: datetime


class AccountHub:
    """Messages are held back by `emit` and sent by `release`, so that the answer to a request can go first."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held: list[_Held] = []
        self._listeners: dict[str, list[Connection]] = {}
        self._positions: dict[str, datetime] = {}

    def emit(self, account: str, kind: Kind, data: dict[str, Any], at: datetime) -> None:
        """Takes a full snapshot of an object of an account, stamped `at` (UTC, whole milliseconds)."""
        if kind == "Order":
            self._positions[account] = at
        self._held.append(_Held(account, kind, data, at))

    def release(self) -> None:
        """Sends what is held, in order."""
        held, self._held = self._held, []
        for message in held:
            self._send(message)

    async def drained(self, account: str) -> None:
        """Returns when the account's listeners were given everything, or do not take it within seconds."""
        waiting = [connection.drained() for connection in self._listeners.get(account, [])]
        if waiting:
            await asyncio.wait([asyncio.ensure_future(one) for one in waiting], timeout=_DRAIN_SECONDS)

    def listen(self, account: str, connection: Connection) -> None:
        listeners = self._listeners.setdefault(account, [])
        if connection not in listeners:
            listeners.append(connection)

    def leave(self, connection: Connection) -> None:
        for listeners in self._listeners.values():
            if connection in listeners:
                listeners.remove(connection)

    def drop(self, account: str | None) -> None:
        """Closes the streams of an account, or of all, and forgets them at once: what follows is lost to them."""
        for owner, listeners in self._listeners.items():
            if account in (None, owner):
                for connection in listeners:
                    connection.close()
                listeners.clear()

    def positions(self) -> dict[str, str]:
        """The stamp of the last order message made for each account, sent or not."""
        return {account: instant(at) for account, at in sorted(self._positions.items())}

    def reset(self) -> None:
        """Forgets messages; listeners stay."""
        self._held.clear()
        self._positions.clear()

    def _send(self, message: _Held) -> None:
        data, account = message.data, message.account
        if message.kind == "Order":
            data = self._spoiled(data, account)
        if self._faults.take("mute_stream", account):
            return
        text = json.dumps({"type": message.kind, "data": data, "timestamp": millis(message.at)})
        times = 2 if message.kind == "Order" and self._faults.take("duplicate_stream_event", account) else 1
        malformed = message.kind == "Order" and self._faults.take("malformed_frame", account)
        for connection in self._listeners.get(account, []):
            if malformed:
                connection.send(text[: len(text) // 2])
            for _ in range(times):
                connection.send(text)

    def _spoiled(self, data: dict[str, Any], account: str) -> dict[str, Any]:
        if data["status"] == "Filled" and self._faults.take("filled_without_fills", account):
            data = copy.deepcopy(data)
            for leg in data["legs"]:
                leg["fills"] = []
        if self._faults.take("status_dead", account):
            data = {**data, "status": _UNKNOWN_STATUS}
        if self._faults.take("order_without_key", account):
            data = {name: value for name, value in data.items() if name != "underlying-instrument-type"}
        return data
