"""What the rules look at: the order, the book as of the order's event time, and the limits that apply.

Plain dataclasses: validation happened at the boundary. Money and quantities are Decimal, times UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from functions.core.errors import BadInput
from functions.core.market_calendar import Session

Scope = Literal["global", "user", "account", "strategy", "symbol"]
Side = Literal["buy", "sell"]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedOrder:
    """An order before it is sent. `quantity` in shares or contracts, above zero; prices a unit; `event_time` UTC.

    `multiplier` is units of the underlying per share or contract. `trades_around_the_clock` is for crypto.
    Raises BadInput BAD_ORDER where the numbers cannot be judged.
    """

    symbol: str
    side: Side
    quantity: Decimal
    event_time: datetime
    order_type: Literal["market", "limit"] = "market"
    limit_price: Decimal | None = None
    stop_loss_price: Decimal | None = None
    reduce_only: bool = False
    multiplier: Decimal = Decimal(1)
    trades_around_the_clock: bool = False

    def __post_init__(self) -> None:
        for name in ("quantity", "multiplier", "limit_price", "stop_loss_price"):
            value: Decimal | None = getattr(self, name)
            if value is not None and not (value.is_finite() and value > 0):
                raise BadInput("BAD_ORDER", f"{name} must be finite and above zero, was {value}", field=name)
        if (self.order_type == "limit") != (self.limit_price is not None):
            found = f"a {self.order_type} order with limit price {self.limit_price}"
            raise BadInput("BAD_ORDER", f"a limit order needs a limit price, no other has one, was {found}")
        if self.event_time.tzinfo is None:
            raise BadInput("BAD_ORDER", f"event_time must carry a time zone, was {self.event_time}")


@dataclass(frozen=True, slots=True)
class OpenQuantity:
    """What is open in one symbol: the signed position, and the remaining quantity of working buys and of working sells.

    Buys and sells are kept apart: a resting sell that may never fill must not make room for a buy.
    """

    position: Decimal = ZERO
    to_buy: Decimal = ZERO
    to_sell: Decimal = ZERO

    @classmethod
    def of(cls, position: Decimal, working: Iterable[Decimal] = ()) -> OpenQuantity:
        """From the signed position and the signed remaining quantity of each working order."""
        orders = tuple(working)
        bought = sum((quantity for quantity in orders if quantity > 0), ZERO)
        sold = sum((-quantity for quantity in orders if quantity < 0), ZERO)
        return cls(position, bought, sold)

    def with_order(self, order: ProposedOrder) -> OpenQuantity:
        """The same with this order working too."""
        if order.side == "buy":
            return OpenQuantity(self.position, self.to_buy + order.quantity, self.to_sell)
        return OpenQuantity(self.position, self.to_buy, self.to_sell + order.quantity)

    def toward(self, side: Side) -> Decimal:
        """How long (buy) or short (sell) it can become when every working order of that side fills; 0 or more."""
        reached = self.position + self.to_buy if side == "buy" else self.to_sell - self.position
        return max(reached, ZERO)

    @property
    def worst(self) -> Decimal:
        """The larger of the two, without a sign: what a filled or a still working entry counts alike."""
        return max(self.toward("buy"), self.toward("sell"))

    def closable(self, side: Side) -> Decimal:
        """How much an order of this side may be and still only reduce, net of the working orders that close already."""
        if side == "sell":
            return max(self.position - self.to_sell, ZERO)
        return max(-self.position - self.to_buy, ZERO)


NOTHING_OPEN = OpenQuantity()
Exposure = Mapping[str, OpenQuantity]
"""What is open by symbol, within one scope."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A symbol's price for valuing: per unit, when it was quoted (UTC), and the symbol's multiplier.

    Raises BadInput BAD_MARK where it is no price: a rule would compare with it and be wrong.
    """

    price: Decimal
    quoted_at: datetime
    multiplier: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        for name, value in (("price", self.price), ("multiplier", self.multiplier)):
            if not (value.is_finite() and value > 0):
                raise BadInput("BAD_MARK", f"{name} must be finite and above zero, was {value}", field=name)
        if self.quoted_at.tzinfo is None:
            raise BadInput("BAD_MARK", f"quoted_at must carry a time zone, was {self.quoted_at}", field="quoted_at")


@dataclass(frozen=True, slots=True)
class Gate:
    """A closed gate. `reason` is what the person or the breaker that closed it said."""

    scope: Scope
    reason: str


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that is known at the order's event time, prepared once per order.

    `exposures` holds what is open in each scope; "account" must be there, and every scope that has a limit. `sessions`
    are the calendar's around the event time: empty on a holiday, None where the calendar does not reach the day.
    `closed_gates` are those of the order's scopes; None where they could not be read, which is not the same as none.
    """

    exposures: Mapping[Scope, Exposure]
    marks: Mapping[str, Mark] = field(default_factory=dict)
    sessions: tuple[Session, ...] | None = None
    closed_gates: tuple[Gate, ...] | None = None

    def exposure(self, scope: Scope) -> Exposure | None:
        """What is open in a scope, None where it is not known. A limit on a symbol is on the account's holding."""
        return self.exposures.get("account" if scope == "symbol" else scope)

    def only_reduces(self, order: ProposedOrder) -> bool:
        """True where the order promises to reduce and does: it stays within the position, less working closing orders.

        The account's position counts: that is what the broker holds.
        """
        account = self.exposures.get("account")
        if not order.reduce_only or account is None:
            return False
        return order.quantity <= account.get(order.symbol, NOTHING_OPEN).closable(order.side)


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: its rule's name, the scope that it was set on, its value in the rule's unit."""

    name: str
    scope: Scope
    value: Decimal


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that apply to one order: those of everybody, its user, account, strategy and symbol."""

    values: tuple[Limit, ...] = ()

    def of(self, name: str, default: Decimal | None = None) -> tuple[Limit, ...]:
        """The limits of a rule, tightest first; its default, on the account, where none is set."""
        found = sorted((limit for limit in self.values if limit.name == name), key=lambda limit: limit.value)
        if not found and default is not None:
            return (Limit(name, "account", default),)
        return tuple(found)

    def tightest(self, name: str, default: Decimal | None = None) -> Limit | None:
        """The smallest limit of a rule, or None where it is not set."""
        return next(iter(self.of(name, default)), None)
