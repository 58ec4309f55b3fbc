"""Days on which nothing new is opened."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(code="BLACKOUT", unit="dates", scopes=(), denials=("MISSING_DATES",))
def blackout(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No entry on a day that `blackout_dates` closes for the symbol, an option's underlying, or everything.

    A trader enters dates of their own, an administrator those of everybody: earnings, expiries, ex-dividend dates,
    others. First and last day belong to it, by the exchange's calendar.
    """
    dates = None if book.market is None else book.market.dates
    if dates is None:
        return deny("MISSING_DATES", dates="missing")
    if not dates.blackouts:
        return allow()
    found = dates.blackouts[0]
    return deny(
        "BLACKOUT",
        symbol=found.symbol or "everything",
        kind=found.kind,
        until=found.until.isoformat(),
        reason=found.reason,
    )
