"""A limit price near the market: the wrong key is caught before it costs money."""

from __future__ import annotations

from decimal import Decimal

from functions.core.money import divided
from functions.risk.book import Book, ProposedOrder, net_of_marks
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="PRICE_SANITY",
    unit="percent of the mark",
    scopes=ALL_SCOPES,
    denials=("MISSING_MARK",),
)
def price_sanity(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A buy limit is at most this far above the mark, a sell limit at most this far below.

    The other direction only waits. Of a stop limit, the stop price stands for the mark where it is beyond it. A net
    price pays at most so much more, or receives so much less, than the net of the legs' marks as if each leg were this
    far from its own mark.
    """
    limit = limits.tightest("price_sanity")
    if limit is None:
        return allow(limit="not set")
    if order.limit_price is None:
        return allow(order_type=order.order_type)
    market = net_of_marks(order, book.marks)
    if isinstance(market, str):
        return deny("MISSING_MARK", symbol=market, mark="missing")
    if order.several_legs:
        beyond, of = order.limit_price - market, sum(leg.ratio * book.marks[leg.symbol].price for leg in order.legs)
        numbers = {"net_price": order.limit_price, "net_mark": market, "limit_percent": limit.value}
    else:
        of = order.trigger_price(abs(market))
        beyond = order.limit_price - of if order.side == "buy" else of - order.limit_price
        numbers = {"limit_price": order.limit_price, "mark": abs(market), "limit_percent": limit.value}
    percent = divided(beyond * 100, Decimal(of))
    # Compared without the division, whose rounding could let a price pass that is just outside.
    if beyond * 100 > limit.value * of:
        return deny("PRICE_SANITY", percent=percent, **numbers)
    return allow(percent=percent, **numbers)
