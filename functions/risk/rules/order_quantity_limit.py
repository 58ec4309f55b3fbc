"""How large one order may be: the wrong key again."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(code="ORDER_QUANTITY", unit="shares or contracts", scopes=ALL_SCOPES)
def order_quantity_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """One order trades at most this many shares or contracts of a symbol; of several legs, of each.

    What is open already does not count: that is `position_limit`.
    """
    seen = None
    for limit in limits.of("order_quantity_limit"):
        for leg in order.legs:
            if leg.quantity > limit.value and limit.counts(leg.symbol):
                return deny(
                    "ORDER_QUANTITY", symbol=leg.symbol, quantity=leg.quantity, limit=limit.value, scope=limit.scope
                )
        if seen is None:
            seen = allow(quantity=order.legs[0].quantity, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen
