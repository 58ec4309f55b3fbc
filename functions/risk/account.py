"""What the broker said of the account: what it may do, and its money as of a moment that does not depend on a race."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from functions.risk.book import ZERO, Exposure, Package


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerRules:
    """What the broker lets the account do, by its newest word.

    `options_level` is 0 for none, 1 covered calls and cash-secured puts, 2 long options, 3 spreads, 4 uncovered.
    `is_margin` is None where the broker does not say.
    """

    is_margin: bool | None = True
    options_level: int = 4
    may_short: bool = True
    closing_only: bool = False
    blocked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerMoney:
    """The account's money as of `as_of` (UTC), dollars; None where the broker did not say.

    `as_of` is before the session of the order opened: nothing trades then, so whoever looked and how often, it is the
    same. `then` and `packages_then` are what was open at that moment, and has taken its share already. `moved` was
    deposited (or withdrawn, below zero) since; `spent` was paid since for what was bought.
    """

    as_of: datetime
    cash: Decimal
    buying_power: Decimal | None = None
    options_buying_power: Decimal | None = None
    settled_cash: Decimal | None = None
    moved: Decimal = ZERO
    spent: Decimal = ZERO
    then: Exposure = field(default_factory=dict)
    packages_then: tuple[Package, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Both; None is what its broker has not told although it should have."""

    rules: BrokerRules | None
    money: BrokerMoney | None
