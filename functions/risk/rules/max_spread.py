"""No entry into a market that nobody makes."""

from __future__ import annotations

from functions.core.money import divided
from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule


@rule(code="MAX_SPREAD", unit="percent of the middle", scopes=ALL_SCOPES, denials=("MISSING_QUOTE",))
def max_spread(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The quoted spread, ask less bid, stays within the limit; of several legs each one's.

    It is what an order at market pays at once. An option that nobody bids for has a spread of 200 percent.
    """
    seen = ALLOWED
    quotes = {} if book.market is None else book.market.quotes
    for leg in order.legs:
        limit = limits.strictest("max_spread", leg.symbol)
        if limit is None:
            continue
        quote = quotes.get(leg.symbol)
        if quote is None:
            return deny("MISSING_QUOTE", symbol=leg.symbol, quote="missing")
        if quote.spread * 100 > limit.value * quote.middle:
            percent = divided(quote.spread * 100, quote.middle)
            return deny(
                "MAX_SPREAD",
                symbol=leg.symbol,
                bid=quote.bid,
                ask=quote.ask,
                percent=percent,
                limit=limit.value,
                scope=limit.scope,
            )
        seen = allow(bid=quote.bid, ask=quote.ask, limit=limit.value, scope=limit.scope)
    return seen
