"""How fast orders may come: a strategy that runs away is cut off."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import WIDE_SCOPES, Limits, Parameter
from functions.risk.rule import Verdict, allow, deny, rule

WITHIN = Parameter("within_seconds", "seconds", Decimal(60), "How far back orders are counted.")


@rule(
    code="ORDER_RATE",
    unit="orders",
    scopes=WIDE_SCOPES,
    parameters=(WITHIN,),
    counts=True,
    denials=("MISSING_ORDER_COUNT",),
)
def order_rate_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """At most this many orders are placed within so many seconds, by event time, this one included.

    All orders that AgentTrader placed in the limit's scope count: exits and replacements too, and those that were
    refused, so that what runs away stays cut off until it has slowed down. Exits themselves always pass.
    """
    facts = book.orders
    seen = None
    for limit in limits.of("order_rate_limit"):
        within = limit.parameter(WITHIN)
        placed = None if facts is None else facts.placed.get((limit.scope, within))
        if placed is None:
            return deny("MISSING_ORDER_COUNT", scope=limit.scope)
        if placed >= limit.value:
            seen_there = limit.tells(placed=placed)
            return deny("ORDER_RATE", **seen_there, limit=limit.value, within_seconds=within, scope=limit.scope)
        if seen is None:
            seen = allow(placed=placed, limit=limit.value, within_seconds=within, scope=limit.scope)
            if limit.scope == "global":
                del seen["placed"]
    return allow(limit="not set") if seen is None else seen
