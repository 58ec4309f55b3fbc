"""An order as the account is told of it: what rules judge, and what they do not look at but the book counts by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.risk.book import ZERO, ProposedLeg, ProposedOrder
from functions.risk.facts.closed import ClosedBy

_STOPS = ("stop", "stop_limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """`order_id` is used once. `strategy` is whose it is, None where it is nobody's.

    `by` says what ordered it, where that is neither its strategy nor a person: an exit, a halt, a rule.
    """

    order_id: str
    order: ProposedOrder
    strategy: str | None = None
    time_in_force: str = "day"
    by: ClosedBy | None = None

    @property
    def closes_by(self) -> ClosedBy:
        """What a trade that it closes is said to be closed by."""
        if self.order.order_type in _STOPS:
            return "stop"
        if self.order.order_type == "trailing_stop":
            return "trail"
        return self.by or ("manual" if self.strategy is None else "signal")

    @property
    def buys_back(self) -> bool:
        """Whether the platform itself buys back at the market what was sold."""
        return self.by is not None and self.order.reduce_only and self.order.order_type == "market"

    @property
    def sort(self) -> tuple[Any, ...]:
        """What two orders have in common that are equal to a rule: see `duplicate_order`."""
        order = self.order
        legs = frozenset((leg.symbol, leg.side, leg.ratio) for leg in order.legs)
        prices = (order.limit_price, order.stop_price, order.trail_price, order.trail_percent, order.stop_loss_price)
        return (self.strategy, legs, order.order_type, self.time_in_force, order.reduce_only, order.quantity, prices)

    def of_quantity(self, quantity: Decimal) -> Placed:
        """The same, cut."""
        return self if quantity == self.order.quantity else replace(self, order=replace(self.order, quantity=quantity))


@dataclass(slots=True)
class Working:
    """An approved order that is not over: what is filled of each leg, by symbol.

    `since_open` says that it was placed after the account was looked at for this session; `sort` is as it was approved.
    """

    placed: Placed
    at: datetime
    since_open: bool
    filled: dict[str, Decimal] = field(default_factory=dict)
    sort: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.sort = self.placed.sort

    def left(self, leg: ProposedLeg) -> Decimal:
        """What may still fill of a leg."""
        left = leg.quantity - self.filled.get(leg.symbol, ZERO)
        return left if left > 0 else ZERO

    @property
    def is_filled(self) -> bool:
        """Whether nothing is left of any leg."""
        return all(self.left(leg) == 0 for leg in self.placed.order.legs)
