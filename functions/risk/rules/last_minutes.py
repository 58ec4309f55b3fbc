"""Nothing new is opened shortly before the close."""

from __future__ import annotations

from datetime import timedelta

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.closed import span_of
from functions.risk.limits import WIDE_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule

_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


@rule(
    code="LAST_MINUTES",
    unit="minutes before the close",
    scopes=WIDE_SCOPES,
    tighter="higher",
    denials=("MISSING_CALENDAR",),
)
def last_minutes(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No entry later than so many minutes before the session's close, on half days the early one.

    A higher limit is the stricter one. Outside the regular session it says nothing, nor of crypto.
    """
    limit = limits.tightest("last_minutes")
    if limit is None or order.trades_around_the_clock:
        return allow(limit="not set" if limit is None else "trades around the clock")
    if book.sessions is None:
        return deny("MISSING_CALENDAR", sessions="missing")
    session = book.session_at(order.event_time)
    if session is None:
        return allow(session="none is open")
    left = (session.closes_at - order.event_time) // _MICROSECOND
    if left < span_of(limit.value):
        closes_at = session.closes_at.isoformat()
        return deny("LAST_MINUTES", closes_at=closes_at, limit_minutes=limit.value, scope=limit.scope)
    return allow(seconds_left=left // _SECOND, limit_minutes=limit.value, scope=limit.scope)
