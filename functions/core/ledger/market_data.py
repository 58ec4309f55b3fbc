"""What `ingest` asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter

from functions.core.events import BarData, QuoteData
from functions.core.ledger.part import Row, StreamingPart
from functions.core.market_calendar import Session

_TIME: TypeAdapter[datetime | None] = TypeAdapter(datetime | None)


class Watched(Row):
    """The symbols to subscribe, and those that the feed's limit leaves out."""

    symbols: list[str]
    left_out: list[str]


class MarketDataLedger(StreamingPart):
    """Bars, quotes, the calendar, and how far the stream worker has got."""

    def record_market_data(self, bars: Sequence[BarData], quotes: Sequence[QuoteData] = ()) -> int:
        """Stores completed bars and latest quotes; idempotent. Returns how many bars were new or changed.

        Raises LedgerRefused UNKNOWN_SYMBOL.
        """
        written: int = self._call(
            "record_market_data",
            {
                "p_bars": [bar.model_dump(mode="json") for bar in bars],
                "p_quotes": [quote.model_dump(mode="json") for quote in quotes],
            },
        )
        return written

    def latest_bar_end(self, symbol: str, timeframe: str) -> datetime | None:
        """The end of the newest stored bar, UTC; None where there is none."""
        return _TIME.validate_python(self._call("latest_bar_end", {"p_symbol": symbol, "p_timeframe": timeframe}))

    def watched_symbols(self) -> Watched:
        """The shares that an active strategy or an open position needs, as many as the feed takes."""
        return Watched.model_validate(self._call("watched_symbols", {}))

    def upsert_calendar(self, sessions: Sequence[Session], source: str) -> int:
        """Writes sessions; returns how many changed."""
        rows = [
            {"date": s.date.isoformat(), "opens_at": s.opens_at.isoformat(), "closes_at": s.closes_at.isoformat()}
            for s in sessions
        ]
        written: int = self._call("upsert_calendar", {"p_sessions": rows, "p_source": source})
        return written
