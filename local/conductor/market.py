"""The broker simulator as the conductor and `verify` see it: the tape's control port, and the accounts' books."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Self, TypeVar

from functions.core.clock import require_utc
from functions.core.errors import BadInput, Unavailable
from functions.core.money import decimal
from local.conductor.control import Control
from local.simulators.venue.desk_order import FINAL
from local.stack import Stack
from local.verify import BrokerBook

_Answer = TypeVar("_Answer")

# The streams as the simulator names them, and the worker of the wiring table that handles each.
WORKERS: Final = {"market-data": "stream_market_data", "trade-updates": "stream_trade_updates"}


@dataclass(frozen=True, slots=True)
class TapeState:
    """Where the tape stands: tape time (UTC), the session's day, its last minute played (from 0; -1 none)."""

    now: datetime
    day: date
    minute_index: int
    is_open: bool
    over: bool


class Market:
    """Calls the simulator's control port. Raises Unavailable where it does not answer or answers something else."""

    def __init__(self, url: str) -> None:
        self._control = Control("the broker simulator", url)

    @classmethod
    def of(cls, stack: Stack) -> Self:
        return cls(stack.url("alpaca"))

    def state(self) -> TapeState:
        return _state(self._control.get("/control/state"))

    def advance(self) -> TapeState:
        """Plays the next push of the tape and returns when all of it was sent."""
        return _state(self._control.post("/control/advance"))

    def days(self) -> list[date]:
        """The sessions of the tape."""
        raw = self._control.get("/control/state")
        return _read(raw, lambda: [date.fromisoformat(day) for day in raw["tape"]["sessions"]])

    def positions(self) -> Mapping[str, datetime]:
        """The event time (UTC) of the last message on each stream that a worker has to handle, by `worker/stream`."""
        raw = self._control.get("/control/state")
        return _read(
            raw,
            lambda: {
                f"{worker}/{stream}": _moment(at)
                for kind, worker in WORKERS.items()
                for stream, at in raw["positions"][kind].items()
            },
        )

    def book(self, account_id: str) -> BrokerBook:
        """The book of an account. Raises Unavailable, also for an account that the simulator does not have."""
        raw = self._control.get("/control/book")
        return _read(raw, lambda: _book(raw["accounts"][account_id]))

    def close(self) -> None:
        self._control.close()


def _state(raw: Any) -> TapeState:
    return _read(
        raw,
        lambda: TapeState(
            now=_moment(raw["now"]),
            day=date.fromisoformat(raw["session"]),
            minute_index=int(raw["minute_index"]),
            is_open=bool(raw["is_open"]),
            over=bool(raw["done"]),
        ),
    )


def _book(raw: Any) -> BrokerBook:
    return BrokerBook(
        positions={row["symbol"]: decimal(row["qty"], "qty") for row in raw["positions"]},
        orders=tuple((row["client_order_id"], row["id"], row["status"] not in FINAL) for row in raw["orders"]),
    )


def _moment(value: Any) -> datetime:
    return require_utc(datetime.fromisoformat(str(value)), "time").astimezone(UTC)


def _read(raw: Any, reader: Callable[[], _Answer]) -> _Answer:
    try:
        return reader()
    except (KeyError, TypeError, ValueError, AttributeError, BadInput) as error:
        raise Unavailable(
            "BAD_CONTROL_ANSWER", f"the broker simulator answered something else than expected ({error!r}): {raw!r}"
        ) from error
