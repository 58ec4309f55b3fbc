"""The broker simulator as the conductor and `verify` see it: the tape's control port, and the accounts' books."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, Self, TypeVar

from functions.core.clock import require_utc
from functions.core.errors import BadInput, Unavailable
from functions.core.money import decimal
from local.conductor.control import Control
from local.simulators.venue.desk_order import FINAL
from local.stack import Stack, read_record
from local.supervisor.environment import simulators
from local.verify import BrokerBook, Executed

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
    """Calls the control ports of one or several simulators that play the same tape, and keeps them in step.

    Raises Unavailable where one does not answer, answers something else, or stands elsewhere on the tape.
    """

    def __init__(self, *urls: str) -> None:
        self._controls = [Control("the broker simulator", url) for url in urls]

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """The simulators of a running stack."""
        settings = read_record(stack.state).get("settings", {})
        return cls(*(stack.url(name) for name in simulators(settings.get("broker", "alpaca"))))

    def state(self) -> TapeState:
        return _in_step([_state(control.get("/control/state")) for control in self._controls])

    def advance(self) -> TapeState:
        """Plays the next push of the tape everywhere and returns when all of it was sent."""
        return _in_step([_state(control.post("/control/advance")) for control in self._controls])

    def days(self) -> list[date]:
        """The sessions of the tape."""
        raw = self._controls[0].get("/control/state")
        return _read(raw, lambda: [date.fromisoformat(day) for day in raw["tape"]["sessions"]])

    def positions(self) -> Mapping[str, datetime]:
        """The event time (UTC) of the last message on each stream that a worker has to handle, by `worker/stream`.

        A symbol that several simulators tell of stands where the last of them does.
        """
        found: dict[str, datetime] = {}
        for control in self._controls:
            for stream, at in _positions(control.get("/control/state")).items():
                found[stream] = max(at, found.get(stream, at))
        return found

    def book(self, account_id: str) -> BrokerBook:
        """The book of an account. Raises Unavailable, also for an account that no simulator has."""
        accounts: dict[str, Any] = {}
        for control in self._controls:
            raw = control.get("/control/book")
            accounts |= _read(raw, partial(_accounts, raw))
        if account_id not in accounts:
            raise Unavailable(
                "NO_BOOK",
                f"no broker simulator that runs here has the account {account_id}, so it cannot be compared; start the "
                "cloud with the --broker that has it",
                account=account_id,
            )
        return _read(accounts, lambda: _book(accounts[account_id]))

    def close(self) -> None:
        for control in self._controls:
            control.close()


def _accounts(raw: Any) -> dict[str, Any]:
    return dict(raw["accounts"])


def _positions(raw: Any) -> dict[str, datetime]:
    return _read(
        raw,
        lambda: {
            f"{worker}/{stream}": _moment(at)
            for kind, worker in WORKERS.items()
            for stream, at in raw["positions"][kind].items()
        },
    )


def _in_step(states: Sequence[TapeState]) -> TapeState:
    """The state that all of them have; their stamps differ by what each of them told."""
    if len({(one.day, one.minute_index, one.is_open) for one in states}) > 1:
        raise Unavailable("SIMULATORS_APART", f"the broker simulators stand apart on the tape: {states}")
    return replace(states[0], now=max(one.now for one in states))


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
    executions: dict[tuple[str, str], list[Decimal]] = {}
    for row in raw["fills"]:
        executions.setdefault((row["order_id"], row["symbol"]), []).append(decimal(row["qty"], "qty"))
    moved = [_moment(row["at"]) for kind in ("fills", "activities") for row in raw[kind]]
    return BrokerBook(
        positions={row["symbol"]: decimal(row["qty"], "qty") for row in raw["positions"]},
        orders=tuple((row["client_order_id"], row["id"], row["status"] not in FINAL) for row in raw["orders"]),
        fills={key: Executed(len(quantities), sum(quantities, Decimal(0))) for key, quantities in executions.items()},
        cash=decimal(raw["cash"], "cash"),
        cash_moved_at=max(moved, default=None),
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
