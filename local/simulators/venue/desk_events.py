"""What an order desk tells, in no broker's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from local.simulators.venue.desk_order import DeskFill, DeskOrder

Kind = Literal[
    "accepted",
    "working",
    "held",
    "activated",
    "rejected",
    "partial_fill",
    "fill",
    "reduced",
    "cancel_pending",
    "cancel_rejected",
    "canceled",
    "expired",
    "replaced",
    "replace_rejected",
    "bust",
    "correction",
]


@dataclass(frozen=True, slots=True)
class DeskEvent:
    """`order` is the desk's live record: a listener writes down at once what it wants to send. `at` is a UTC stamp
    that no other event has. accepted: waits for a session; working: the exchange has it; activated: a child's parent
    has filled; reduced: its alternative filled in part; `fill` is there for fill and partial_fill;
    of a bust it is what was taken back, of a correction what the execution now was.
    """

    kind: Kind
    account_id: str
    order: DeskOrder
    at: datetime
    fill: DeskFill | None = None
    reason: str | None = None


class Listener(Protocol):
    """Takes an event the moment it happens."""

    def __call__(self, event: DeskEvent) -> None: ...
