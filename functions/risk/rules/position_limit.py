"""How much may be open in one symbol."""

from __future__ import annotations

from functions.risk.book import NOTHING_OPEN, Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="POSITION_LIMIT",
    unit="shares or contracts",
    scopes=ALL_SCOPES,
    counts=True,
    denials=("MISSING_EXPOSURE",),
)
def position_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The open quantity of the symbol after this order, working orders of its side included, stays within the limit.

    Of several legs each symbol's. Long and short count alike. Each scope's limit is held against what is open in that
    scope.
    """
    seen = allow(limit="not set")
    for limit in limits.of("position_limit"):
        exposure = book.exposure(limit.scope)
        if exposure is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        counted = [leg for leg in order.legs if limit.counts(leg.symbol)]
        after = {leg.symbol: exposure.get(leg.symbol, NOTHING_OPEN).with_leg(leg).toward(leg.side) for leg in counted}
        for symbol, quantity in after.items():
            named = {"symbol": symbol} if order.several_legs else {}
            if quantity > limit.value:
                return deny("POSITION_LIMIT", **named, quantity_after=quantity, limit=limit.value, scope=limit.scope)
        if after and seen.numbers.get("limit") == "not set":
            seen = allow(quantity_after=max(after.values()), limit=limit.value, scope=limit.scope)
    return seen
