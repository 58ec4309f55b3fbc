"""What one trade may cost when its stop is hit."""

from __future__ import annotations

from functions.risk.book import Book, Limits, ProposedOrder
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="MAX_LOSS_PER_TRADE",
    unit="dollars",
    scopes=("global", "user", "account", "strategy", "symbol"),
    denials=("MISSING_MARK", "MISSING_STOP", "STOP_ON_WRONG_SIDE"),
)
def max_loss_per_trade(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """Quantity x distance from the price to the planned stop x multiplier stays within the limit.

    The price is the limit price, the mark for a market order, and for a stop order its stop price or the mark, the
    worse of the two. A buy without a planned stop can lose its whole notional; a sell that opens without one has no
    bound and is denied.
    """
    limit = limits.tightest("max_loss_per_trade")
    if limit is None:
        return allow(limit="not set")
    price, stop = order.limit_price, order.stop_loss_price
    if price is None:
        mark = book.marks.get(order.symbol)
        if mark is None:
            return deny("MISSING_MARK", symbol=order.symbol, mark="missing")
        price = order.worst_price(mark.price)
    if stop is None and order.side == "sell":
        return deny("MISSING_STOP", loss="unbounded", limit=limit.value, scope=limit.scope)
    distance = price if stop is None else price - stop if order.side == "buy" else stop - price
    if stop is not None and distance <= 0:
        return deny("STOP_ON_WRONG_SIDE", side=order.side, price=price, stop=stop)
    loss = order.quantity * distance * order.multiplier
    if loss > limit.value:
        return deny("MAX_LOSS_PER_TRADE", loss=loss, limit=limit.value, scope=limit.scope)
    return allow(loss=loss, limit=limit.value, scope=limit.scope)
