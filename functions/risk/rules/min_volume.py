"""No entry into what hardly trades."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule


@rule(code="MIN_VOLUME", unit="shares a day", scopes=ALL_SCOPES, tighter="higher", denials=("MISSING_VOLUME",))
def min_volume(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """On an average day at least so many are traded: the mean of the daily bars stored for the last 30 days.

    Of an option it is its underlying's: what the contract itself offers, quote_size and min_open_interest say. A day
    that is not over counts for nothing, so that the first minutes do not look thin. A higher limit is the stricter one.
    """
    seen = ALLOWED
    turnover = None if book.market is None else book.market.turnover
    volumes = {} if turnover is None else turnover.daily_volume
    for leg in order.legs:
        limit = limits.strictest("min_volume", leg.symbol, leg.underlying)
        if limit is None:
            continue
        symbol = leg.underlying or leg.symbol
        volume = volumes.get(symbol)
        if volume is None:
            return deny("MISSING_VOLUME", symbol=symbol, daily_bars="none in 30 days")
        if volume < limit.value:
            return deny("MIN_VOLUME", symbol=symbol, daily_volume=volume, limit=limit.value, scope=limit.scope)
        seen = allow(daily_volume=volume, limit=limit.value, scope=limit.scope)
    return seen
