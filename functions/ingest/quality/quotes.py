"""The gate of quotes: one for each symbol. A quote far from the last one waits for the next to say the same."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from functions.core.events import QuoteData
from functions.core.market_calendar import Calendar, Session
from functions.ingest.quality.band import OVERNIGHT, Band, distance
from functions.ingest.quality.findings import Finding, FindingKind

# The last quote of a session may carry the very moment of the close.
_AT_THE_CLOSE: Final = timedelta(microseconds=1)


class QuoteGate:
    """Zero and crossed quotes do not come as far: they cannot be made into a QuoteData, and arrive as `Unread`."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self._band = Band()
        self._newest: QuoteData | None = None
        self._session: Session | None = None
        self._held: QuoteData | None = None

    def take(self, quote: QuoteData, *, polled: bool = False) -> tuple[QuoteData | None, list[Finding]]:
        """The quote where it is good, and what was found. A polled one is whatever was last said: late is no fault."""
        session = self.calendar.at(quote.quoted_at) or self.calendar.at(quote.quoted_at - _AT_THE_CLOSE)
        if session is None:
            text = f"no regular session at {quote.quoted_at.isoformat()}"
            return None, [] if polled else [_found(quote, "session", text)]
        newest = self._newest
        if newest is not None and quote.quoted_at < newest.quoted_at:
            text = f"{quote.quoted_at.isoformat()} after {newest.quoted_at.isoformat()}"
            return None, [] if polled else [_found(quote, "disorder", text)]
        held, self._held = self._held, None
        if newest is None or self._reach(quote, newest) <= self._limit(session):
            if newest is not None and session == self._session:
                self._band.learn(self._reach(quote, newest))
            found = [] if held is None or newest is None else [_spike(held, newest)]
            self._newest, self._session = quote, session
            return quote, found
        if held is not None and self._reach(quote, held) <= self._limit(session):
            self._newest, self._session = quote, session
            return quote, []
        self._held = quote
        return None, [] if held is None else [_spike(held, newest)]

    def _limit(self, session: Session) -> int:
        return self._band.limit if session == self._session else max(OVERNIGHT, self._band.limit)

    def _reach(self, quote: QuoteData, reference: QuoteData) -> int:
        """Of the farther side: a market with one side from nowhere has a middle from nowhere, too."""
        middle = _middle(reference)
        return max(distance(quote.bid, middle), distance(quote.ask, middle))


def _middle(quote: QuoteData) -> Decimal:
    return (quote.bid + quote.ask) / 2


def _spike(held: QuoteData, newest: QuoteData) -> Finding:
    return _found(held, "spike", f"{held.bid} to {held.ask} is far from {_middle(newest)}, and the next quote was not")


def _found(quote: QuoteData, kind: FindingKind, text: str) -> Finding:
    return Finding(quote.symbol, quote.feed, kind, quote.quoted_at, text)
