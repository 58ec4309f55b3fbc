"""What the account streamer says: full snapshots of orders, positions and balances, rendered the moment they change."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from typing import Any, Final, Literal

from local.simulators.tastytrade.wire import millis
from local.simulators.venue.faults import Faults
from local.simulators.venue.stream_hub import StreamHub

Kind = Literal["Order", "ComplexOrder", "CurrentPosition", "AccountBalance", "TradingStatus"]
_UNKNOWN_STATUS: Final = "Dead"
_KEY_THE_MODELS_DEMAND: Final = "underlying-instrument-type"


class AccountFeed:
    """Writes messages into the hub. How far the stream has come is told by its orders alone: nobody waits for more."""

    def __init__(self, hub: StreamHub, faults: Faults) -> None:
        self._hub, self._faults = hub, faults
        self._last_order: dict[str, datetime] = {}

    def reset(self) -> None:
        """A new tape begins."""
        self._hub.reset()
        self._last_order.clear()

    def order(self, account: str, data: dict[str, Any], at: datetime, *, is_child: bool = False) -> None:
        """`at` in whole milliseconds, UTC, later than any of the account's before."""
        self._last_order[account] = at
        text = _message("Order", self._spoiled(data, account), at)
        if self._faults.take("malformed_frame", account):
            self._hub.emit(account, text[: len(text) // 2], at)
        self._hub.emit(account, text, at, is_child=is_child)

    def other(self, account: str, kind: Kind, data: dict[str, Any], at: datetime) -> None:
        """Anything but an order."""
        self._hub.emit(account, _message(kind, data, at), self._last_order.get(account, at))

    def _spoiled(self, data: dict[str, Any], account: str) -> dict[str, Any]:
        if data["status"] == "Filled" and self._faults.take("filled_without_fills", account):
            data = copy.deepcopy(data)
            for leg in data["legs"]:
                leg["fills"] = []
        if self._faults.take("status_dead", account):
            data = {**data, "status": _UNKNOWN_STATUS}
        if self._faults.take("order_without_key", account):
            data = {name: value for name, value in data.items() if name != _KEY_THE_MODELS_DEMAND}
        return data


def _message(kind: Kind, data: dict[str, Any], at: datetime) -> str:
    return json.dumps({"type": kind, "data": data, "timestamp": millis(at)})
