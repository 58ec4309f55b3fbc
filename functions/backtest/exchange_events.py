"""What the simulated exchange says: one frozen event per thing that happened, numbered without gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

EventKind = Literal[
    "accepted", "held", "activated", "canceled", "expired", "rejected", "cancel_rejected", "replace_rejected"
]


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An order changed state, or a request about it was refused. `at` is event time, UTC."""

    sequence: int
    kind: EventKind
    order_id: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """`order_id` ended and `new_order_id` works in its place, for `quantity`: the unfilled rest."""

    sequence: int
    order_id: str
    new_order_id: str
    quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade of `quantity` at `price`; `cumulative` is filled so far, `leaves` is what is still open.

    Of an order of several legs there is one per leg, `leg` counted from 0, its quantities those of the leg.
    """

    sequence: int
    order_id: str
    symbol: str
    price: Decimal
    quantity: Decimal
    cumulative: Decimal
    leaves: Decimal
    at: datetime
    leg: int = 0


@dataclass(frozen=True, slots=True)
class Reduced:
    """An alternative of `order_id` filled in part: `quantity` is the order's new total, its own fills included."""

    sequence: int
    order_id: str
    quantity: Decimal
    at: datetime


Event = OrderEvent | Replaced | Fill | Reduced
