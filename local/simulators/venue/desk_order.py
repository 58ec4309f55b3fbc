"""An order as a desk keeps it: what both brokers' orders are views of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from functions.backtest.orders import Side
from functions.core.money import divided
from local.simulators.venue.desk_request import DeskRequest, Effect, GroupKind

State = Literal[
    "pending",
    "accepted",
    "held",
    "working",
    "partially_filled",
    "cancel_pending",
    "filled",
    "canceled",
    "expired",
    "rejected",
    "replaced",
]
"""pending: the exchange has not had it; accepted: it waits for a session; held: it waits for its parent;
cancel_pending: a cancel was asked for and is not done (it may still fill). The last five are final."""

FINAL: frozenset[State] = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


@dataclass(frozen=True, slots=True)
class DeskFill:
    """One execution of one leg. `cumulative` and `leaves` are the leg's; `fee` in dollars.

    `id` is a UUID and `number` counts the venue's executions from 1: both are the same in every replay. Executions of
    one moment of an order of several legs share `group`.
    """

    id: str
    number: int
    order_id: str
    leg: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    leaves: Decimal
    at: datetime
    fee: Decimal
    group: int


@dataclass(slots=True)
class DeskLeg:
    """A leg and how far it has come; `quantity` in shares or contracts."""

    symbol: str
    side: Side
    effect: Effect
    ratio: int
    quantity: Decimal
    filled: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    fills: list[DeskFill] = field(default_factory=list)

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def signed_remaining(self) -> Decimal:
        return self.remaining if self.side is Side.BUY else -self.remaining

    @property
    def intent(self) -> str:
        """buy_to_open and so on."""
        return f"{self.side}_to_{self.effect}"

    @property
    def average(self) -> Decimal | None:
        """Average price; None before the first fill."""
        return divided(self.paid, self.filled) if self.filled else None


@dataclass(slots=True, eq=False)
class DeskOrder:
    """`request` is as it was asked, with the prices of now. Times are UTC stamps of the tape's clock.

    `id` is a UUID, `number` counts the venue's orders from 1. `quantity` is the whole order's (units of several legs),
    what was filled included; of a replacement it is the rest that it works for.
    """

    id: str
    number: int
    client_order_id: str | None
    request: DeskRequest
    quantity: Decimal
    legs: list[DeskLeg]
    created_at: datetime
    state: State
    updated_at: datetime
    expires_at: datetime | None = None
    filled_at: datetime | None = None
    expired_at: datetime | None = None
    canceled_at: datetime | None = None
    rejected_at: datetime | None = None
    replaced_at: datetime | None = None
    reason: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    group: str | None = None
    group_kind: GroupKind | None = None
    oco: str | None = None
    """Orders of which one cancels the other have the same."""
    parent: str | None = None
    children: tuple[str, ...] = ()
    cancel_requested: bool = False
    done_at_exchange: bool = False
    """The exchange has filled it; with legs told one by one, fills may still come."""
    warnings: tuple[str, ...] = ()
    most_per_fill: Decimal | None = None
    parts_at_once: int = 1

    @property
    def is_open(self) -> bool:
        return self.state not in FINAL

    @property
    def is_multi_leg(self) -> bool:
        return len(self.legs) > 1

    @property
    def symbol(self) -> str:
        """That of the first leg."""
        return self.legs[0].symbol

    @property
    def side(self) -> Side:
        """That of the first leg."""
        return self.legs[0].side

    @property
    def filled(self) -> Decimal:
        """Of several legs: units that every leg has filled."""
        if not self.is_multi_leg:
            return self.legs[0].filled
        return min(leg.filled // leg.ratio for leg in self.legs)

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def average(self) -> Decimal | None:
        """Average price; of several legs the net per unit, positive paid, once every leg has filled something."""
        if not self.is_multi_leg:
            return self.legs[0].average
        if any(leg.average is None for leg in self.legs):
            return None
        return sum(
            ((leg.average or Decimal(0)) * leg.ratio * (1 if leg.side is Side.BUY else -1) for leg in self.legs),
            Decimal(0),
        )

    @property
    def fills(self) -> list[DeskFill]:
        """Every execution, oldest first."""
        return sorted((fill for leg in self.legs for fill in leg.fills), key=lambda fill: fill.number)
