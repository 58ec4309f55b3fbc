"""No order larger than the market that is shown."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule


@rule(code="QUOTE_SIZE", unit="percent of the quoted size", scopes=ALL_SCOPES, denials=("MISSING_QUOTE",))
def quote_size(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What is bought stays within so much of the size at the ask, what is sold within so much of that at the bid.

    100 is no more than is quoted; of several legs each one's own. Where no size is quoted, nothing is within it.
    """
    seen = ALLOWED
    quotes = {} if book.market is None else book.market.quotes
    for leg in order.legs:
        limit = limits.strictest("quote_size", leg.symbol)
        if limit is None:
            continue
        quote = quotes.get(leg.symbol)
        if quote is None:
            return deny("MISSING_QUOTE", symbol=leg.symbol, quote="missing")
        size = quote.ask_size if leg.side == "buy" else quote.bid_size
        if leg.quantity * 100 > limit.value * size:
            return deny(
                "QUOTE_SIZE",
                symbol=leg.symbol,
                quantity=leg.quantity,
                quoted=size,
                limit_percent=limit.value,
                scope=limit.scope,
            )
        seen = allow(quantity=leg.quantity, quoted=size, limit_percent=limit.value, scope=limit.scope)
    return seen
