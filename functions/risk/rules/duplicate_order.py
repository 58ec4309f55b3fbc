"""The same order twice: a key pressed twice, a loop without an end."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limit, Limits
from functions.risk.rule import Verdict, allow, deny, rule

_DEFAULT = Decimal(5)
_WITHOUT = Limit("duplicate_order", "account", _DEFAULT)


@rule(
    code="DUPLICATE_ORDER",
    unit="seconds",
    scopes=ALL_SCOPES,
    default=_DEFAULT,
    tighter="higher",
    denials=("MISSING_EARLIER_ORDERS",),
)
def duplicate_order(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No equal order was placed less than the limit before, by event time.

    Equal is one of the same account and strategy (or of none) with the same legs, sides, quantity, type, prices, time
    in force and planned stop, that is pending, working or filled: one that was refused, cancelled or replaced stands
    for nothing. A replacement is no duplicate of anything. 0 lets equal orders pass. What SEC rule 15c3-5(c)(1)(ii)
    asks of a broker: to stop orders "that indicate duplicative orders".
    """
    facts, limit = book.orders, limits.tightest("duplicate_order") or _WITHOUT
    if facts is None:
        return deny("MISSING_EARLIER_ORDERS", orders="missing")
    since = facts.since_equal
    if since is None:
        return allow()
    if since < limit.value:
        return deny("DUPLICATE_ORDER", seconds_since=since, limit_seconds=limit.value, scope=limit.scope)
    return allow(seconds_since=since, limit_seconds=limit.value, scope=limit.scope)
