"""What was decided, and the orders that carry it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from functions.strategy.intents import Intent, OrderType, Side

Action = Literal["open", "close", "adjust", "cancel", "stay"]
PositionIntent = Literal["buy_to_open", "sell_to_close", "sell_to_open", "buy_to_close"]


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """One leg of an order: `ratio` contracts for each package, in lowest terms."""

    symbol: str
    side: Side
    position_intent: PositionIntent
    ratio: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExits:
    """Where an entry is to be got out of: prices on the tick, of several legs net as an order's; `at` in UTC."""

    stop: Decimal | None = None
    target: Decimal | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """An order ready for the ledger: prices on the tick, times UTC, `good_until` in event time.

    One leg is a plain order with a price above zero; the `limit_price` of several is their net: positive pays. `exits`
    are for whoever watches them.
    """

    legs: tuple[PlannedLeg, ...]
    quantity: Decimal
    order_type: OrderType
    reduce_only: bool
    good_until: datetime
    reason: str
    limit_price: Decimal | None = None
    stop_loss_price: Decimal | None = None
    exits: PlannedExits | None = None

    @property
    def symbol(self) -> str:
        """That of the first leg."""
        return self.legs[0].symbol

    @property
    def side(self) -> Side:
        """That of the first leg."""
        return self.legs[0].side

    @property
    def position_intent(self) -> PositionIntent:
        """That of the first leg."""
        return self.legs[0].position_intent


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one bar, also when that is nothing. `bar_at` is the bar's end, UTC.

    `cancels` are working orders that are not wanted any more.
    """

    symbol: str
    bar_at: datetime
    action: Action
    reason: str
    intents: tuple[Intent, ...] = ()
    orders: tuple[PlannedOrder, ...] = ()
    cancels: tuple[UUID, ...] = ()


def stay(symbol: str, at: datetime, reason: str, intents: tuple[Intent, ...] = ()) -> Decision:
    """The decision to do nothing, with its reason."""
    return Decision(symbol, at, "stay", reason, intents)
