"""Faults that can be switched on, each for a number of times.

A fault is only a name in a table; who takes it decides what it does. So a broker adds one by one row in its own table
(`Faults(REQUESTS | MY_TABLE, ...)`) and one place that asks `faults.take("its_name", account_id)`. A row with a
`request` needs no such place: the layer in front of the routes (`fault_layer`) does what the row says.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.responses import Response

from functions.core.errors import BadInput

ALWAYS = -1
_MOST_PERCENT = 100


@dataclass(frozen=True, slots=True)
class RequestFault:
    """What the fault layer does with a request: whether it is carried out, and how it ends for the client.

    `reset` cuts the connection, `silence` never answers, otherwise `ends` makes the answer.
    """

    carried_out: bool
    ends: Literal["reset", "silence"] | Callable[[], Response]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One row of a table. `least` is the smallest count: 0 where switching it on does something by itself.

    `takes` are the whole numbers that may be given with it, with their least and most.
    """

    does: str
    request: RequestFault | None = None
    least: int = 1
    takes: Mapping[str, tuple[int, int]] | None = None


REQUESTS: Final[dict[str, FaultKind]] = {
    "timeout_after_accept": FaultKind(
        "the request is carried out, the answer never comes", RequestFault(carried_out=True, ends="silence")
    ),
    "reset_before_accept": FaultKind(
        "the connection is reset, nothing is done", RequestFault(carried_out=False, ends="reset")
    ),
    "reset_after_accept": FaultKind(
        "the request is carried out, then the connection is reset", RequestFault(carried_out=True, ends="reset")
    ),
}
"""What networks do, to every broker alike."""

DESK: Final[dict[str, FaultKind]] = {
    "partial_fills": FaultKind(
        "an order fills in `least` to `most` parts: one per quote, or with `at_once` 1 all in one moment",
        takes={"least": (2, 9), "most": (2, 9), "at_once": (0, 1)},
    ),
    "leg_by_leg": FaultKind("the legs of an execution are told one by one, a beat of the market apart"),
    "stuck_cancel": FaultKind("a cancel is taken and the order stays pending cancel; it may still fill"),
    "cancel_fill_race": FaultKind("the order fills while its cancel is on the way"),
    "replace_fill_race": FaultKind("the order fills while its replacement is on the way"),
    "replace_rejected": FaultKind("the exchange does not take a replacement that the broker has accepted"),
    "halted_symbol": FaultKind("nothing trades in `symbol` for so many of its quotes; -1 until cleared"),
    "half_day": FaultKind("the next session that opens closes after 210 minutes"),
    "activities_next_day": FaultKind("what is booked after the next close is shown when the next session opens"),
}
"""What markets and brokers' desks do, to every broker alike: the desk and the venue take these."""

STREAMS: Final[dict[str, FaultKind]] = {
    "fill_before_response": FaultKind("the stream tells of an order before the answer to its POST is sent"),
    "duplicate_stream_event": FaultKind("a stream message is sent twice"),
    "out_of_order_stream_event": FaultKind("a stream message is sent after the one that follows it"),
    "child_not_streamed": FaultKind("a stream message about a group's child is not sent"),
    "drop_stream": FaultKind("account streams are closed now, and so many attempts to connect are refused", least=0),
}
"""What account streams do. `stream_hub` takes the messages' faults; routes take `fill_before_response`, and the
stream's door takes `drop_stream`."""


@dataclass(slots=True)
class Fault:
    """`count` is how often it still happens (-1: always). Request faults happen at `method` and `path` (a prefix).

    `percent` is how often it strikes where it could; what it spares is not counted down.
    """

    switch: str
    count: int
    method: str
    path: str
    account_id: str | None
    symbol: str | None
    percent: int
    numbers: Mapping[str, int]


class Faults:
    """The switches that are on. Equal seeds strike at equal places."""

    def __init__(self, table: Mapping[str, FaultKind], *, default_path: str, seed: int = 0) -> None:
        self._table = dict(table)
        self._default_path = default_path
        self._seed = seed
        self._dice = random.Random(seed)  # noqa: S311 - a repeatable dice, not a secret
        self._on: list[Fault] = []
        self._struck: Counter[str] = Counter()

    def table(self) -> Mapping[str, FaultKind]:
        """Every switch there is."""
        return self._table

    def switch_on(self, values: Mapping[str, Any]) -> Fault:
        """Raises BadInput BAD_FAULT for an unknown switch, or a value that is not what its row takes."""
        switch = values.get("switch")
        kind = self._table.get(switch) if isinstance(switch, str) else None
        if kind is None or not isinstance(switch, str):
            raise BadInput("BAD_FAULT", f"switch must be one of {', '.join(self._table)}, was {switch!r}")
        count = values.get("count", 1)
        if not _is_whole(count) or (count != ALWAYS and count < kind.least):
            raise BadInput("BAD_FAULT", f"count must be {ALWAYS} (always) or at least {kind.least}, was {count!r}")
        for name in ("method", "path", "account_id", "symbol"):
            if values.get(name) is not None and not isinstance(values[name], str):
                raise BadInput("BAD_FAULT", f"{name} must be a text, was {values[name]!r}")
        fault = Fault(
            switch=switch,
            count=count,
            method=(values.get("method") or "POST").upper(),
            path=values.get("path") or self._default_path,
            account_id=values.get("account_id"),
            symbol=values.get("symbol"),
            percent=_within(values, "percent", 1, _MOST_PERCENT, _MOST_PERCENT),
            numbers={
                name: _within(values, name, least, most, least) for name, (least, most) in (kind.takes or {}).items()
            },
        )
        if count:
            self._on.append(fault)
        else:
            self._struck[fault.switch] += 1  # what it does, it does by being switched on
        return fault

    def seed(self, seed: int) -> None:
        """Starts the dice anew, and the record of what has struck."""
        self._struck.clear()
        self._seed = seed
        self._dice = random.Random(seed)  # noqa: S311 - as above

    def clear(self) -> None:
        self._on.clear()
        self._dice = random.Random(self._seed)  # noqa: S311 - as above

    def on(self) -> list[dict[str, Any]]:
        """What is on, for GET /control/faults."""
        return [{"switch": fault.switch, "count": fault.count} for fault in self._on]

    def struck(self) -> Mapping[str, int]:
        """How often each fault has happened since the tape was loaded."""
        return dict(self._struck)

    def peek(self, switch: str) -> Fault | None:
        """The fault, where it is on; it is not counted down."""
        return next((fault for fault in self._on if fault.switch == switch), None)

    def take(self, switch: str, account_id: str | None = None, symbol: str | None = None) -> Fault | None:
        """The fault, where it happens now; counts it down."""
        if switch not in self._table:
            raise AssertionError(f"no table has the fault {switch}")
        for fault in self._on:
            if (
                fault.switch == switch
                and fault.account_id in (None, account_id)
                and fault.symbol in (None, symbol)
                and self._strikes(fault)
            ):
                self._struck[switch] += 1
                return fault
        return None

    def take_request(self, method: str, path: str, account_id: str | None) -> RequestFault | None:
        """What becomes of this request, if anything; counts it down."""
        for fault in self._on:
            request = self._table[fault.switch].request
            if (
                request is not None
                and fault.method == method
                and path.startswith(fault.path)
                and fault.account_id in (None, account_id)
                and self._strikes(fault)
            ):
                self._struck[fault.switch] += 1
                return request
        return None

    def number(self, least: int, most: int) -> int:
        """A throw of the dice, both ends included."""
        return self._dice.randint(least, most)

    def _strikes(self, fault: Fault) -> bool:
        if fault.percent < _MOST_PERCENT and self._dice.randint(1, _MOST_PERCENT) > fault.percent:
            return False
        if fault.count > 0:
            fault.count -= 1
        if not fault.count:
            self._on.remove(fault)
        return True


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _within(values: Mapping[str, Any], name: str, least: int, most: int, default: int) -> int:
    value = values.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadInput("BAD_FAULT", f"{name} must be {least} to {most}, was {value!r}")
    return value
