"""The data-quality gates of the symbols that one stream brings, and where what they find goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from functions.brokers.protocol import Quarantined
from functions.core.events import BarData, QuoteData
from functions.core.history.adjusting import CorporateAction
from functions.core.ledger.market_data import StoredBar
from functions.core.market_calendar import Calendar
from functions.ingest.findings import FindingLog
from functions.ingest.quality.bars import BarGate
from functions.ingest.quality.findings import Finding, Unread
from functions.ingest.quality.quotes import QuoteGate

KNOWN_BARS = 60
"""As many stored bars a gate looks back on when it begins."""


class Checkpoint:
    """Everything that comes from a feed passes here. No call reaches outside but `findings.flush`."""

    def __init__(self, feed: str, findings: FindingLog) -> None:
        self.findings = findings
        self.calendar = Calendar([])
        self._feed = feed
        self._bars: dict[str, BarGate] = {}
        self._quotes: dict[str, QuoteGate] = {}
        self._actions_of: dict[str, date] = {}

    def keep(self, calendar: Calendar) -> None:
        """Judges by this calendar from now on."""
        self.calendar = calendar
        for bars in self._bars.values():
            bars.calendar = calendar
        for quotes in self._quotes.values():
            quotes.calendar = calendar

    def knows(self, symbol: str, day: date) -> bool:
        """Whether the splits up to this exchange date were told: they are asked for once for each."""
        return self._actions_of.get(symbol, date.min) >= day

    def know(self, symbol: str, day: date, actions: Sequence[CorporateAction]) -> None:
        """Judges by these splits from now on; they are those with ex-dates up to `day`, an exchange date."""
        self._bars.setdefault(symbol, BarGate(self.calendar)).actions = actions
        self._actions_of[symbol] = day

    def begin(self, symbol: str, stored: Sequence[StoredBar]) -> None:
        """Looks on from what is stored: whatever was let through and not stored is judged once more."""
        known = [
            BarData(symbol=symbol, timeframe="1Min", feed=self._feed, **row.model_dump())
            for row in stored
            if self.calendar.at(row.starts_at) is not None
        ]
        actions = self._bars[symbol].actions if symbol in self._bars else ()
        self._bars[symbol] = BarGate(self.calendar, actions, known)

    def bar(self, bar: BarData, *, polled: bool = False) -> list[BarData]:
        """The bars that are good now, in order: this one, none, or with it the one that waited for it."""
        judged = self._bars.setdefault(bar.symbol, BarGate(self.calendar)).take(bar, polled=polled)
        self.findings.add(judged.findings)
        return judged.bars

    def quote(self, quote: QuoteData, *, polled: bool = False) -> QuoteData | None:
        """The quote where it is good."""
        gate = self._quotes.setdefault(quote.symbol, QuoteGate(self.calendar))
        good, found = gate.take(quote, polled=polled)
        self.findings.add(found)
        return good

    def unread(self, row: Quarantined, at: datetime) -> None:
        """A row that is no bar and no quote, heard at this moment."""
        unread = Unread(row.symbol, self._feed, row.reason, row.row, at, "quote" if row.no_market else "malformed")
        self.findings.add([unread.finding])

    def stale(self, symbols: Sequence[str], since: datetime) -> None:
        """The stream says nothing of these, and there is something to say."""
        self.findings.add(
            Finding(symbol, self._feed, "stale", since, "the stream is silent in session") for symbol in symbols
        )
