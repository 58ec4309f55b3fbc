"""A closed gate blocks entries."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(code="GATE_CLOSED", unit="open or closed", scopes=(), denials=("MISSING_GATES",))
def gate(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No gate of the order's scopes (global, user, account, strategy) is closed; an order that only reduces passes."""
    if book.closed_gates is None:
        return deny("MISSING_GATES", closed="missing")
    for closed in book.closed_gates:
        return deny("GATE_CLOSED", scope=closed.scope, reason=closed.reason)
    return allow()
