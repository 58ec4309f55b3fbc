"""What happened to an account's money and positions: the neutral list that brokers' activities and transactions view.

Kinds: fill; fee; exercise, assignment, expiry (of an option: `quantity` is the signed change of its position, amount
zero); delivery (the shares that an exercise or assignment moves, with the cash); dividend, interest, deposit,
withdrawal, split.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from local.simulators.venue.desk_order import DeskFill

ActivityKind = Literal[
    "fill",
    "fee",
    "exercise",
    "assignment",
    "expiry",
    "delivery",
    "dividend",
    "interest",
    "deposit",
    "withdrawal",
    "split",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """`number` counts the venue's activities from 1, `id` is a UUID; both are the same in every replay.

    `amount` is cash in dollars, positive came in. `quantity` is the signed change of the position in `symbol`, `price`
    per share. The broker shows it from `visible_at` on. An exercise and its delivery share `group`. Of a split,
    `numerator` shares came for each `denominator`.
    """

    id: str
    number: int
    kind: ActivityKind
    at: datetime
    visible_at: datetime
    amount: Decimal
    symbol: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    underlying: str | None = None
    fill: DeskFill | None = None
    group: int | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
