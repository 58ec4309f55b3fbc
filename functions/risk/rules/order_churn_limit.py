"""How often a symbol may be entered on one day."""

from __future__ import annotations

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="ORDER_CHURN",
    unit="entries",
    scopes=("user", "account", "strategy", "symbol"),
    denials=("MISSING_ENTRY_COUNT",),
)
def order_churn_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A symbol is entered at most this often on one exchange day, this order included.

    An entry is an order that is not marked reduce-only and was filled, in part at least, or may still be. One and its
    replacement are one entry, and so is a symbol of several legs. What is left again is entered again: so this bounds
    the round trips of a day.
    """
    facts = book.orders
    seen = None
    for limit in limits.of("order_churn_limit"):
        made = None if facts is None else facts.entries.get("account" if limit.scope == "symbol" else limit.scope)
        if made is None:
            return deny("MISSING_ENTRY_COUNT", scope=limit.scope)
        for leg in order.legs:
            if leg.closes or not limit.counts(leg.symbol):
                continue
            entries = made.get(leg.symbol, ZERO)
            if entries >= limit.value:
                return deny(
                    "ORDER_CHURN", symbol=leg.symbol, entries_today=entries, limit=limit.value, scope=limit.scope
                )
            if seen is None:
                seen = allow(symbol=leg.symbol, entries_today=entries, limit=limit.value, scope=limit.scope)
    return seen or allow(entries="none")
