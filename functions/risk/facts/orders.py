"""What was ordered: working orders of the other side, equal ones, and how many each scope has placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from functions.risk.book import Side
from functions.risk.limits import Scope


@dataclass(frozen=True, slots=True)
class RestingOrder:
    """A working order of the user that an order of the other side may meet. Prices in dollars."""

    trade: str
    order_type: str
    price: Decimal | None = None
    stop_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OtherSide:
    """The working orders of one symbol that stand on the other side of the order, of all accounts of its user.

    `nearest` is the limit order that would trade first: the lowest that sells, or the highest that buys. `at_market`
    is one that takes what is there. A stop that was not triggered is in no market; `stop_limits` are limit orders
    from their stop on.
    """

    nearest: RestingOrder | None = None
    at_market: RestingOrder | None = None
    stop_limits: tuple[RestingOrder, ...] = ()

    @classmethod
    def of(cls, side: Side, orders: Iterable[RestingOrder]) -> OtherSide:
        """From the working orders, all of this side."""
        found = tuple(orders)
        limits = [order for order in found if order.order_type == "limit" and order.price is not None]
        limits.sort(key=lambda order: order.price or Decimal(0), reverse=side == "buy")
        return cls(
            limits[0] if limits else None,
            next((order for order in found if order.order_type == "market"), None),
            tuple(order for order in found if order.order_type == "stop_limit"),
        )


@dataclass(frozen=True, slots=True)
class StrikeRange:
    """From the lowest to the highest strike that one open package has of a series.

    `own` says that the package is of the strategy of the order.
    """

    package: str
    low: Decimal
    high: Decimal
    own: bool = True


def series_of(symbol: str) -> str:
    """What an option's symbol says before its strike: root, expiry and right, `SPY261218C`."""
    return symbol[:-8]


@dataclass(frozen=True, slots=True)
class SymbolsOpen:
    """How many symbols are open in a scope once the order is working, held or working; `added` of them by the order."""

    after: Decimal
    added: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """Of the order's account and scopes, the order itself left out, as of its event time.

    A number that was not asked for, because no limit needs it, is not in here, and a rule that is on denies for that.
    `since_equal`: seconds since the newest equal order, None where there is none. `other_side`, by symbol; None where
    they were too many to look at. `symbols_open`, by scope. `placed`: orders placed by (scope, seconds back).
    `entries`: those of the day, by scope and symbol. `packages`: by series, the strikes of open options of the
    order's roots and expiries. `day_trades`: of the last five sessions; `equity` in dollars, as the broker told it
    before the session.
    """

    since_equal: Decimal | None = None
    other_side: Mapping[str, OtherSide] | None = field(default_factory=dict)
    symbols_open: Mapping[Scope, SymbolsOpen] = field(default_factory=dict)
    placed: Mapping[tuple[Scope, Decimal], Decimal] = field(default_factory=dict)
    entries: Mapping[Scope, Mapping[str, Decimal]] = field(default_factory=dict)
    packages: Mapping[str, tuple[StrikeRange, ...]] | None = None
    day_trades: Decimal | None = None
    equity: Decimal | None = None
