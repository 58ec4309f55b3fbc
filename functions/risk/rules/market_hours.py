"""Orders belong in a session that can fill them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from functions.core.market_calendar import Calendar, Session, exchange_date
from functions.core.options.expiry import exercise_of
from functions.risk.book import Book, ProposedLeg, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule

_BEFORE_OPEN = timedelta(hours=5, minutes=30)
_AFTER_CLOSE = timedelta(hours=4)
_TERMS = 15
"""After its root, an OCC symbol says its terms in as many characters."""
_NEAR_DAYS = 5
"""No run of days without a session is as long."""


@rule(
    code="MARKET_CLOSED", unit="session", scopes=(), entries_only=False, denials=("MISSING_CALENDAR", "OPTION_EXPIRED")
)
def market_hours(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The event time lies inside the exchange's regular session, half days included, the closing moment excluded.

    A limit order that says `extended_hours` may also lie in the 5.5 hours before the opening or the four hours after
    the close, on half days the early one; without the flag nothing is entered there, and options never. A limit order
    that only reduces passes at any time: it names its price and may wait at the broker. A market order that reduces
    does not: it would be filled at the next opening, at a price that nobody saw. An option is traded until its day of
    expiry is over; one that is settled at the opening of that day, as SPX, until the close of the session before.
    """
    at = order.event_time
    session = book.session_at(at)
    for leg in order.legs:
        if leg.expiry is not None:
            over = _expired(leg, leg.expiry, book, at, exchange_date(at) if session is None else session.date)
            if over is not None:
                return over
    if order.trades_around_the_clock:
        return allow(session="around the clock")
    if order.order_type == "limit" and book.only_reduces(order):
        return allow(session="not needed for a limit order that only reduces")
    if book.sessions is None:
        return deny("MISSING_CALENDAR", event_time=at.isoformat(), sessions="missing")
    if session is not None:
        return allow(session=session.date.isoformat())
    if order.extended_hours and order.legs[0].kind == "equity" and (day := _around(book.sessions, at)):
        return allow(event_time=at.isoformat(), extended_hours_of=day.date.isoformat())
    following = Calendar(book.sessions).next_after(at)
    opens_at = following.opens_at.isoformat() if following else "unknown"
    return deny("MARKET_CLOSED", event_time=at.isoformat(), next_open=opens_at)


def _expired(leg: ProposedLeg, expiry: date, book: Book, at: datetime, today: date) -> Verdict | None:
    """Why an option is no longer traded, or None."""
    if expiry < today:
        return deny("OPTION_EXPIRED", symbol=leg.symbol, expires_on=expiry.isoformat(), today=today.isoformat())
    if (expiry - today).days >= _NEAR_DAYS or exercise_of(leg.symbol[:-_TERMS]).settled_at != "open":
        return None
    dates = None if book.market is None else book.market.dates
    until = None if dates is None else dates.trades_until.get(leg.symbol)
    if until is None:
        return deny("MISSING_CALENDAR", symbol=leg.symbol, expires_on=expiry.isoformat(), sessions="missing")
    if at < until:
        return None
    expires = expiry.isoformat()
    return deny("OPTION_EXPIRED", symbol=leg.symbol, expires_on=expires, traded_until=until.isoformat())


def _around(sessions: Sequence[Session], at: datetime) -> Session | None:
    """The session whose extended hours, before it or after it, a moment lies in."""
    for session in sessions:
        if session.opens_at - _BEFORE_OPEN <= at < session.closes_at + _AFTER_CLOSE:
            return session
    return None
