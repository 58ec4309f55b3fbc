"""What an order desk is asked for, in no broker's words.

Prices in dollars per share, quantities in shares or contracts. The net price of several legs is per share of one unit,
positive pays, negative receives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from functions.backtest.orders import OrderType, Side, TimeInForce

Effect = Literal["open", "close"]
GroupKind = Literal["bracket", "oco", "oto"]


@dataclass(frozen=True, slots=True)
class RequestLeg:
    """`effect` None lets the desk tell by the position. `ratio` is per unit of the order."""

    symbol: str
    side: Side
    effect: Effect | None = None
    ratio: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRequest:
    """One order; exactly one of `quantity` and `notional` (dollars, market orders only) is given.

    Several legs make an order of several legs: market or limit, `quantity` in whole units, `limit` the net price.
    `extras` is what a broker's wire wants to find again on the record; the desk does not look at it.
    """

    legs: tuple[RequestLeg, ...]
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit: Decimal | None = None
    stop: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    client_order_id: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def symbol(self) -> str:
        """That of the first leg."""
        return self.legs[0].symbol

    @property
    def side(self) -> Side:
        """That of the first leg."""
        return self.legs[0].side


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRequest:
    """Orders of one leg that depend on one another.

    bracket: `parent`, then two children of which one cancels the other; oco: two such orders and no parent; oto:
    `parent` and one child. Children are held until the parent has filled completely.
    """

    kind: GroupKind
    parent: DeskRequest | None
    children: tuple[DeskRequest, ...]
