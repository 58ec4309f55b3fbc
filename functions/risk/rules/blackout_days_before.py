"""Nothing new is opened shortly before earnings."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule


@rule(
    code="BLACKOUT_DAYS_BEFORE",
    unit="days before earnings",
    scopes=ALL_SCOPES,
    tighter="higher",
    source="earnings_dates",
    denials=("MISSING_EARNINGS_DATE",),
)
def blackout_days_before(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No entry on the day of a symbol's next earnings, of an option its underlying's, nor so many days before it.

    The dates are those of `blackout_dates`. A symbol without a date ahead is denied, for its next one is not known; one
    that reports none, as a fund, is entered as such, without a date. A higher limit is the stricter one.
    """
    seen = ALLOWED
    dates = None if book.market is None else book.market.dates
    known = {} if dates is None else dates.days_to_earnings
    for leg in order.legs:
        limit = limits.strictest("blackout_days_before", leg.symbol, leg.underlying)
        if limit is None:
            continue
        symbol = leg.underlying or leg.symbol
        if symbol not in known:
            return deny("MISSING_EARNINGS_DATE", symbol=symbol, earnings="not known")
        days = known[symbol]
        if days is not None and days <= limit.value:
            return deny(
                "BLACKOUT_DAYS_BEFORE",
                symbol=symbol,
                days_to_earnings=days,
                limit=limit.value,
                scope=limit.scope,
            )
        seen = allow(days_to_earnings="none reported" if days is None else days, limit=limit.value, scope=limit.scope)
    return seen
