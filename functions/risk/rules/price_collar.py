"""A limit price near the market: the wrong key is caught before it costs money."""

from __future__ import annotations

from decimal import Decimal

from functions.core.money import divided
from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.facts.market import Quote
from functions.risk.limits import ALL_SCOPES, Limit, Limits, Parameter
from functions.risk.rule import Verdict, allow, deny, rule

_DEFAULT = Decimal(10)
_SHARES = Limit("price_collar", "account", _DEFAULT)
_OPTION_DOLLARS = Parameter(
    "option_dollars", "dollars", Decimal("0.25"), "An option may always be this far beyond: few cents are many percent."
)


@rule(
    code="PRICE_COLLAR",
    unit="percent of the quote",
    scopes=ALL_SCOPES,
    default=_DEFAULT,
    parameters=(_OPTION_DOLLARS,),
    denials=("MISSING_QUOTE",),
)
def price_collar(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A buy limit is at most this far above the ask, a sell limit at most this far below the bid.

    The other direction only waits. Of a stop limit, the stop price stands for the quote where it is beyond it. A net
    price pays at most so much more, or receives so much less, than the legs' asks that are bought and bids that are
    sold, as if each leg were this far from its own. A market order has no price to hold: its risk is the spread, which
    max_spread bounds. Without a limit set it is 10 percent for shares, which catches a wrong digit and no honest order;
    options, whose limits are often far from a wide quote on purpose, are held to one that is set.
    """
    price = order.limit_price
    if price is None:
        return allow()
    held_to = limits.of("price_collar")
    if not held_to:
        if order.legs[0].kind == "option":
            return allow(limit="not set")
        held_to = (_SHARES,)
    quotes = {} if book.market is None else book.market.quotes
    if order.several_legs:
        net, of = ZERO, ZERO
        for leg in order.legs:
            quote = quotes.get(leg.symbol)
            if quote is None:
                return deny("MISSING_QUOTE", symbol=leg.symbol, quote="missing")
            worth = leg.ratio * _hit(quote, leg.side)
            net += leg.sign * worth
            of += worth
        beyond, market = price - net, net
    else:
        quote = quotes.get(order.symbol)
        if quote is None:
            return deny("MISSING_QUOTE", symbol=order.symbol, quote="missing")
        market = of = order.trigger_price(_hit(quote, order.side))
        beyond = price - market if order.side == "buy" else market - price
    # Each on its own: what a tighter one lets pass by its option_dollars, a wider scope's need not.
    for limit in held_to:
        # Compared without a division, whose rounding could let a price pass that is just outside.
        if beyond <= ZERO or beyond * 100 <= limit.value * of:
            continue
        if order.legs[0].kind == "option" and beyond <= limit.parameter(_OPTION_DOLLARS):
            continue
        percent = divided(beyond * 100, of) if of else "of nothing"
        return deny("PRICE_COLLAR", limit_price=price, quote=market, percent=percent, limit_percent=limit.value)
    return allow(limit_price=price, quote=market, limit_percent=held_to[0].value)


def _hit(quote: Quote, side: str) -> Decimal:
    """The side of the market that an order meets."""
    return quote.ask if side == "buy" else quote.bid
