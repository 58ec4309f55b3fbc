"""What a strategy can want: to enter, to leave, to resize, or to stay; in shares, single options, or several legs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit"]


class NoTrade(Exception):
    """Raised by a strategy, or by what it asks of the chain: there is nothing to do, and this is why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Enter, or add to a position on the same side, in shares.

    `quantity` above zero. `limit` is for limit orders and only for them. `stop`, `target` and `time_exit` (UTC) are the
    planned exits, kept with the decision; risk rules measure the loss against the stop. The strategy itself watches
    them on each completed bar and closes. `symbol` is the decision's own where it is not said.
    """

    side: Side
    quantity: Decimal
    reason: str
    order_type: OrderType = "market"
    limit: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    time_exit: datetime | None = None
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Leave the position in shares, or `quantity` of it. Never turns it around."""

    reason: str
    quantity: Decimal | None = None
    order_type: OrderType = "market"
    limit: Decimal | None = None
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust:
    """Bring the position in shares to a signed quantity. A change of side closes first; the rest is for a later bar."""

    to: Decimal
    reason: str
    stop: Decimal | None = None
    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of what is opened: `ratio` contracts of it for each package."""

    symbol: str
    side: Side
    ratio: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLegs:
    """Enter one to four option contracts as one order, all of them or none.

    `quantity` is whole packages. `limit`, `stop` and `target` are net prices of one package per unit of the underlying,
    in dollars: positive pays, negative receives. Without a limit it is a market order. The exits are plans, as in Open.
    """

    legs: tuple[Leg, ...]
    quantity: Decimal
    reason: str
    limit: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    time_exit: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLegs:
    """Leave options as one order: the contracts named, or all that the strategy holds on the symbol.

    `limit` is the net price of one package, per unit of the underlying: positive pays, negative receives; a package has
    the quantities held in lowest terms. Without a limit it is a market order.
    """

    reason: str
    symbols: tuple[str, ...] | None = None
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """Do nothing, and say why."""

    reason: str


Intent = Open | Close | Adjust | OpenLegs | CloseLegs | Stay
