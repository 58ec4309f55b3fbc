"""How much may be open in one symbol."""

from __future__ import annotations

from functions.risk.book import NOTHING_OPEN, ZERO, Book, ProposedOrder
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
    seen = None
    for limit in limits.of("position_limit"):
        exposure = book.exposure(limit.scope)
        if exposure is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        most = None
        for leg in order.legs:
            if limit.symbol is not None and limit.symbol != leg.symbol:
                continue
            held = exposure.get(leg.symbol, NOTHING_OPEN)
            if leg.side == "buy":
                after = held.position + held.to_buy + leg.quantity
            else:
                after = held.to_sell + leg.quantity - held.position
            if after > limit.value:
                named = {"symbol": leg.symbol} if order.several_legs else {}
                seen_there = limit.tells(quantity_after=after)
                return deny("POSITION_LIMIT", **named, **seen_there, limit=limit.value, scope=limit.scope)
            if most is None or after > most:
                most = after
        if seen is None and most is not None:
            seen = allow(quantity_after=most if most > ZERO else ZERO, limit=limit.value, scope=limit.scope)
            if limit.scope == "global":
                del seen["quantity_after"]
    return allow(limit="not set") if seen is None else seen
