"""How many positions may be open."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import WIDE_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="OPEN_POSITIONS",
    unit="positions",
    scopes=WIDE_SCOPES,
    counts=True,
    denials=("MISSING_POSITION_COUNT",),
)
def open_positions_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The symbols in which something is open once this order is working, held or working, stay within the limit.

    An order in symbols that are open already adds none. Each contract of an option is a symbol; one symbol in two
    accounts of a user is one. Each scope's limit is held against what is open in that scope.
    """
    seen = None
    for limit in limits.of("open_positions_limit"):
        open_now = None if book.orders is None else book.orders.symbols_open.get(limit.scope)
        if open_now is None:
            return deny("MISSING_POSITION_COUNT", scope=limit.scope)
        if open_now.added and open_now.after > limit.value:
            positions = limit.tells(positions_after=open_now.after)
            return deny("OPEN_POSITIONS", **positions, limit=limit.value, scope=limit.scope)
        if seen is None:
            seen = allow(positions_after=open_now.after, limit=limit.value, scope=limit.scope)
            if limit.scope == "global":
                del seen["positions_after"]
    return allow(limit="not set") if seen is None else seen
