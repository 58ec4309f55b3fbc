"""No entry into a contract that nobody holds."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits, Parameter
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule

_WITHIN = Parameter("within_days", "days", Decimal(7), "An older number is not taken: it denies as stale.")


@rule(
    code="MIN_OPEN_INTEREST",
    unit="contracts",
    scopes=ALL_SCOPES,
    tighter="higher",
    parameters=(_WITHIN,),
    denials=("MISSING_OPEN_INTEREST", "STALE_OPEN_INTEREST"),
)
def min_open_interest(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """Of each option at least so many contracts are open, as its feed lists it; shares are not asked.

    A higher limit is the stricter one.
    """
    seen = ALLOWED
    turnover = None if book.market is None else book.market.turnover
    known = {} if turnover is None else turnover.open_interest
    for leg in order.legs:
        if leg.kind != "option":
            continue
        passed = None
        # Each on its own: what a stricter one takes for fresh, a wider scope's need not.
        for limit in limits.of("min_open_interest"):
            if not limit.counts(leg.symbol):
                continue
            found = known.get(leg.symbol)
            if found is None:
                return deny("MISSING_OPEN_INTEREST", symbol=leg.symbol, open_interest="missing")
            contracts, days = found
            within = limit.parameter(_WITHIN)
            if days > within:
                return deny("STALE_OPEN_INTEREST", symbol=leg.symbol, age_days=days, limit_days=within)
            if contracts < limit.value:
                return deny(
                    "MIN_OPEN_INTEREST",
                    symbol=leg.symbol,
                    open_interest=contracts,
                    limit=limit.value,
                    scope=limit.scope,
                )
            passed = passed or allow(open_interest=contracts, limit=limit.value, scope=limit.scope)
        seen = passed or seen
    return seen
