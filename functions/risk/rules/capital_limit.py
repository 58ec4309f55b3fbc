"""How much money may be at work."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import NOTHING_OPEN, ZERO, Book, Exposure, Limits, Mark, ProposedOrder
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="CAPITAL_LIMIT",
    unit="dollars",
    scopes=("global", "user", "account", "strategy", "symbol"),
    denials=("MISSING_EXPOSURE", "MISSING_MARK"),
)
def capital_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The notional of all that is open after this order, working orders included, stays within the limit.

    Every symbol counts at its mark and at the worse of its two sides, so that an entry counts the same, filled or
    still working; the symbol of a stop order at its stop price where that is more. A limit on a symbol counts that
    symbol only. An order that adds nothing is not denied.
    """
    seen = allow(limit="not set")
    marks = _marks(order, book)
    for limit in limits.of("capital_limit"):
        exposure = book.exposure(limit.scope)
        if exposure is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        open_quantity = exposure.get(order.symbol, NOTHING_OPEN)
        others: Exposure = {} if limit.scope == "symbol" else {**exposure}
        before = _notional({**others, order.symbol: open_quantity}, marks)
        after = _notional({**others, order.symbol: open_quantity.with_order(order)}, marks)
        if isinstance(before, str) or isinstance(after, str):
            return deny("MISSING_MARK", symbol=str(after), mark="missing")
        if after > limit.value and after > before:
            return deny("CAPITAL_LIMIT", notional_after=after, limit=limit.value, scope=limit.scope)
        if seen.numbers.get("limit") == "not set":
            seen = allow(notional_after=after, limit=limit.value, scope=limit.scope)
    return seen


def _marks(order: ProposedOrder, book: Book) -> dict[str, Mark]:
    """The marks, that of the ordered symbol raised to where a stop order would be filled."""
    mark = book.marks.get(order.symbol)
    if mark is None:
        return dict(book.marks)
    price = max(mark.price, order.trigger_price(mark.price))
    return {**book.marks, order.symbol: Mark(price, mark.quoted_at, mark.multiplier)}


def _notional(exposure: Exposure, marks: dict[str, Mark]) -> Decimal | str:
    """The notional in dollars, or the first symbol that is open and has no mark."""
    total = ZERO
    for symbol in sorted(exposure):
        worst = exposure[symbol].worst
        if worst == 0:
            continue
        mark = marks.get(symbol)
        if mark is None:
            return symbol
        total += worst * mark.price * mark.multiplier
    return total
