"""No new option that stops trading within minutes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.closed import span_of
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule

_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_NEAR_DAYS = 5
_DEFAULT = Decimal(15)


@rule(
    code="ZERO_DTE_CUTOFF",
    unit="minutes before the last trade",
    scopes=ALL_SCOPES,
    default=_DEFAULT,
    tighter="higher",
    denials=("MISSING_CALENDAR",),
)
def zero_dte_cutoff(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No option is opened later than so many minutes before it trades for the last time.

    That is the close of its day of expiry, on half days the early one; of one that is settled at the opening, as SPX,
    the close of the session before. On by default: in the last quarter of an hour there is no time left to get out
    again, and what is in the money at the close is exercised. A higher limit is the stricter one. Legs that close pass.
    """
    seen = ALLOWED
    for leg in order.legs:
        if leg.expiry is None or leg.closes:
            continue
        limit = limits.strictest("zero_dte_cutoff", leg.symbol)
        minutes = _DEFAULT if limit is None else limit.value
        session = book.session_at(order.event_time)
        if session is None:
            # Outside the session market_hours decides; without a calendar it denies.
            return allow(session="none is open") if book.sessions else deny("MISSING_CALENDAR", sessions="missing")
        away = (leg.expiry - session.date).days
        if away >= _NEAR_DAYS:
            continue
        dates = None if book.market is None else book.market.dates
        until = None if dates is None else dates.trades_until.get(leg.symbol)
        if until is None:
            return deny("MISSING_CALENDAR", symbol=leg.symbol, expires_on=leg.expiry.isoformat(), sessions="missing")
        left = (until - order.event_time) // _MICROSECOND
        if left < span_of(minutes):
            return deny("ZERO_DTE_CUTOFF", symbol=leg.symbol, trades_until=until.isoformat(), limit_minutes=minutes)
        seen = allow(symbol=leg.symbol, seconds_left=left // _SECOND, limit_minutes=minutes)
    return seen
