"""Faults that can be switched on, each for a number of times. A fault is only a name here; who takes it decides what it
does, so a new one is one line in this table and one place that asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from functions.core.errors import BadInput

# REQUEST faults are taken by the layer in front of the routes, per request; the others where they happen.
REQUEST_FAULTS: Mapping[str, str] = {
    "timeout_after_accept": "the request is carried out, the answer never comes",
    "error_504_after_accept": "the request is carried out, the answer is a 504",
    "reset_before_accept": "the connection is reset, nothing is done",
    "reset_after_accept": "the request is carried out, then the connection is reset",
    "reject_429": "the request is refused with 429, nothing is done",
}
OTHER_FAULTS: Mapping[str, str] = {
    "fill_before_response": "the trade updates of an order are sent before the answer to its POST",
    "duplicate_stream_event": "a trade update is sent twice",
    "drop_stream": "trade streams are closed now, and so many attempts to connect are refused",
    "drop_data_stream": "the same for market data streams",
    "mute_data": "so many market data messages are not sent; -1 for all",
}
Switch = Literal[
    "timeout_after_accept", "error_504_after_accept", "reset_before_accept", "reset_after_accept", "reject_429",
    "fill_before_response", "duplicate_stream_event", "drop_stream", "drop_data_stream", "mute_data",
]  # fmt: skip
ALWAYS = -1


@dataclass(slots=True)
class Fault:
    """`count` is how often it still happens (-1: always). Request faults happen at `method` and `path` (a prefix)."""

    switch: str
    count: int
    method: str = "POST"
    path: str = "/v2/orders"
    account_id: str | None = None

    def spend(self) -> None:
        if self.count > 0:
            self.count -= 1


class Faults:
    """The switches that are on."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def switch_on(self, values: Mapping[str, Any]) -> Fault:
        """Raises BadInput BAD_FAULT for an unknown switch, or a count that is not -1 or at least 1 (drops: 0)."""
        switch, count = values.get("switch"), values.get("count", 1)
        known = [*REQUEST_FAULTS, *OTHER_FAULTS]
        if switch not in known:
            raise BadInput("BAD_FAULT", f"switch must be one of {', '.join(known)}, was {switch!r}")
        least = 0 if switch in ("drop_stream", "drop_data_stream") else 1
        if not isinstance(count, int) or isinstance(count, bool) or (count != ALWAYS and count < least):
            raise BadInput("BAD_FAULT", f"count must be {ALWAYS} (always) or at least {least}, was {count!r}")
        for name in ("method", "path", "account_id"):
            if values.get(name) is not None and not isinstance(values[name], str):
                raise BadInput("BAD_FAULT", f"{name} must be a text, was {values[name]!r}")
        fault = Fault(
            switch=switch,
            count=count,
            method=(values.get("method") or "POST").upper(),
            path=values.get("path") or "/v2/orders",
            account_id=values.get("account_id"),
        )
        if count:
            self._on.append(fault)
        return fault

    def clear(self) -> None:
        self._on.clear()

    def on(self) -> list[dict[str, Any]]:
        """What is on, for GET /control/faults."""
        return [{"switch": fault.switch, "count": fault.count} for fault in self._on]

    def take(self, switch: Switch, account_id: str | None = None) -> bool:
        """Whether the fault happens now; counts it down."""
        for fault in self._on:
            if fault.switch == switch and fault.account_id in (None, account_id):
                self._spend(fault)
                return True
        return False

    def take_request(self, method: str, path: str, account_id: str | None) -> Fault | None:
        """The fault that this request meets, if any; counts it down."""
        for fault in self._on:
            if (
                fault.switch in REQUEST_FAULTS
                and fault.method == method
                and path.startswith(fault.path)
                and fault.account_id in (None, account_id)
            ):
                self._spend(fault)
                return fault
        return None

    def _spend(self, fault: Fault) -> None:
        fault.spend()
        if not fault.count:
            self._on.remove(fault)
