"""How much may be open in one symbol."""

from __future__ import annotations

from functions.risk.book import NOTHING_OPEN, Book, Limits, ProposedOrder
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="POSITION_LIMIT",
    unit="shares or contracts",
    scopes=("global", "user", "account", "strategy", "symbol"),
    denials=("MISSING_EXPOSURE",),
)
def position_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The open quantity of the symbol after this order, working orders of its side included, stays within the limit.

    Long and short count alike. Each scope's limit is held against what is open in that scope.
    """
    seen = allow(limit="not set")
    for limit in limits.of("position_limit"):
        exposure = book.exposure(limit.scope)
        if exposure is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        after = exposure.get(order.symbol, NOTHING_OPEN).with_order(order).toward(order.side)
        if after > limit.value:
            return deny("POSITION_LIMIT", quantity_after=after, limit=limit.value, scope=limit.scope)
        if seen.numbers.get("limit") == "not set":
            seen = allow(quantity_after=after, limit=limit.value, scope=limit.scope)
    return seen
