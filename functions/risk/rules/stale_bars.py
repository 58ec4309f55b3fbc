"""No entry while the market data stands still."""

from __future__ import annotations

from datetime import timedelta

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule

_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


@rule(code="STALE_BARS", unit="seconds", scopes=ALL_SCOPES, denials=("MISSING_BARS", "MISSING_CALENDAR"))
def stale_bars(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The symbol's newest completed bar, an option's underlying's, ended no longer ago than the limit.

    Time before the session opened counts for nothing: the first bar of a day has to have time to end. stale_quote looks
    at the quote that the order meets; this at the stream that strategies decide by.
    """
    seen = ALLOWED
    bars = None if book.market is None else book.market.bars_until
    for leg in order.legs:
        limit = limits.strictest("stale_bars", leg.symbol, leg.underlying)
        if limit is None or order.trades_around_the_clock:
            continue
        symbol = leg.underlying or leg.symbol
        ended = None if bars is None else bars.get(symbol)
        if ended is None:
            return deny("MISSING_BARS", symbol=symbol, bars="none")
        if book.sessions is None:
            return deny("MISSING_CALENDAR", sessions="missing")
        session = book.session_at(order.event_time)
        since = ended if session is None else max(ended, session.opens_at)
        age = (order.event_time - since) // _MICROSECOND
        if age > limit.value * _SECOND:
            return deny(
                "STALE_BARS",
                symbol=symbol,
                newest_until=ended.isoformat(),
                age_seconds=age // _SECOND,
                limit_seconds=limit.value,
                scope=limit.scope,
            )
        seen = allow(age_seconds=max(age, 0) // _SECOND, limit_seconds=limit.value, scope=limit.scope)
    return seen
