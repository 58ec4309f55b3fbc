"""Orders belong in the regular session."""

from __future__ import annotations

from functions.core.market_calendar import Calendar, exchange_date
from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="MARKET_CLOSED", unit="session", scopes=(), entries_only=False, denials=("MISSING_CALENDAR", "OPTION_EXPIRED")
)
def market_hours(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The event time lies inside the exchange's regular session, half days included, the closing moment excluded.

    A limit order that only reduces passes at any time: it names its price and may wait at the broker. A market order
    that reduces does not: it would be filled at the next opening, at a price that nobody saw. An option is traded until
    its day of expiry is over.
    """
    today = exchange_date(order.event_time)
    for leg in order.legs:
        if leg.expiry is not None and leg.expiry < today:
            return deny("OPTION_EXPIRED", symbol=leg.symbol, expires_on=leg.expiry.isoformat(), today=today.isoformat())
    if order.trades_around_the_clock:
        return allow(session="around the clock")
    if order.order_type == "limit" and book.only_reduces(order):
        return allow(session="not needed for a limit order that only reduces")
    if book.sessions is None:
        return deny("MISSING_CALENDAR", event_time=order.event_time.isoformat(), sessions="missing")
    calendar = Calendar(book.sessions)
    session = calendar.at(order.event_time)
    if session is not None:
        return allow(event_time=order.event_time.isoformat(), closes_at=session.closes_at.isoformat())
    following = calendar.next_after(order.event_time)
    opens_at = following.opens_at.isoformat() if following else "unknown"
    return deny("MARKET_CLOSED", event_time=order.event_time.isoformat(), next_open=opens_at)
