"""What an account has in one underlying, in a sector, on margin and in greeks, and what the order adds: made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from functions.risk.limits import Scope


@dataclass(slots=True, kw_only=True)
class Held:
    """What one scope has in the order's underlying and sector, dollars; working orders included.

    `adds` is what the whole order adds to both. None where a symbol has no mark: `missing` names it.
    """

    of_symbol: Decimal | None
    of_sector: Decimal | None
    adds: Decimal | None
    missing: str = ""


@dataclass(slots=True, kw_only=True)
class Money:
    """What the broker said of the account, dollars: `age_hours` before the order's event time.

    `requires` is the margin requirement that it told and what has been opened since; None where either is not known,
    which `missing` names. `adds` is what the whole order requires beside it.
    """

    equity: Decimal
    age_hours: Decimal
    requires: Decimal | None = None
    adds: Decimal | None = None
    missing: str = "margin_requirement"
    percent: Decimal = field(init=False)

    def __post_init__(self) -> None:
        # Of an equity below zero nothing is left to share out.
        self.percent = max(self.equity, Decimal(0)) / 100


@dataclass(slots=True)
class Net:
    """One greek over a scope, dollars: of what is held, and how low and high working orders may take it."""

    held: Decimal
    low: Decimal
    high: Decimal
    adds: Decimal


@dataclass(slots=True, kw_only=True)
class NetGreeks:
    """The greeks of a scope, and what the whole order adds; `missing` names a symbol of which they are not known.

    `delta` is dollars for a rise of the underlyings by 100 %, `gamma` the change of that for a rise by 1 %, `vega`
    dollars for one point of implied volatility. `oldest` is the symbol whose numbers are oldest, by `age_seconds`.
    """

    delta: Net
    gamma: Net
    vega: Net
    age_seconds: Decimal
    oldest: str
    missing: str = ""


@dataclass(slots=True, kw_only=True)
class PortfolioFacts:
    """Of an order of `quantity` on `underlying`; `sector` None where nobody has entered one.

    What no limit asks for is not made: `money` None, and an empty mapping. Scopes are the account and the strategy.
    """

    quantity: Decimal
    underlying: str
    sector: str | None = None
    money: Money | None = None
    held: Mapping[Scope, Held] = field(default_factory=dict)
    greeks: Mapping[Scope, NetGreeks] = field(default_factory=dict)

    def part(self, whole: Decimal, quantity: Decimal) -> Decimal:
        """What an order that was cut to this quantity adds: never less than it does."""
        return whole if quantity == self.quantity or whole <= 0 else whole * quantity / self.quantity
