"""How much of the account's equity something is, held to a limit in percent."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.facts.portfolio import Money
from functions.risk.limits import Limit, Parameter
from functions.risk.rule import Verdict, deny

MAX_AGE = Parameter(
    "max_age_hours", "hours", Decimal(120), "How long before the order the broker may have told the equity."
)
MISSING, STALE = "MISSING_EQUITY", "STALE_EQUITY"


def refused_equity(money: Money | None, limit: Limit) -> Verdict | None:
    """Why the equity is none to hold an order to, or None."""
    if money is None:
        return deny(MISSING, equity="missing", limit=limit.value, scope=limit.scope)
    if money.age_hours > limit.parameters.get("max_age_hours", MAX_AGE.default):
        return deny(STALE, age_hours=money.age_hours, limit=limit.parameter(MAX_AGE), scope=limit.scope)
    return None


def exceeds(dollars: Decimal, money: Money, limit: Limit) -> bool:
    """Whether it is more than the limit's part of the equity; nothing fits into an equity of zero or less."""
    return dollars > limit.value * money.percent
