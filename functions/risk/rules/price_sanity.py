"""A limit price near the market: the wrong key is caught before it costs money."""

from __future__ import annotations

from functions.core.money import divided
from functions.risk.book import Book, Limits, ProposedOrder
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="PRICE_SANITY",
    unit="percent of the mark",
    scopes=("global", "user", "account", "strategy", "symbol"),
    denials=("MISSING_MARK",),
)
def price_sanity(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A buy limit is at most this far above the mark, a sell limit at most this far below.

    The other direction only waits. Of a stop limit, the stop price stands for the mark where it is beyond it.
    """
    limit = limits.tightest("price_sanity")
    if limit is None:
        return allow(limit="not set")
    if order.limit_price is None:
        return allow(order_type=order.order_type)
    mark = book.marks.get(order.symbol)
    if mark is None:
        return deny("MISSING_MARK", symbol=order.symbol, mark="missing")
    market = order.trigger_price(mark.price)
    beyond = order.limit_price - market if order.side == "buy" else market - order.limit_price
    numbers = {"limit_price": order.limit_price, "mark": mark.price, "limit_percent": limit.value}
    percent = divided(beyond * 100, market)
    # Compared without the division, whose rounding could let a price pass that is just outside.
    if beyond * 100 > limit.value * market:
        return deny("PRICE_SANITY", percent=percent, **numbers)
    return allow(percent=percent, **numbers)
