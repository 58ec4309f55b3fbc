"""What `ingest` asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from functions.core.events import BarData, QuoteData
from functions.core.ledger.part import LedgerPart, Row, StreamingPart
from functions.core.market_calendar import Session
from functions.core.money import Amount

_TIME: TypeAdapter[datetime | None] = TypeAdapter(datetime | None)


class Watched(Row):
    """The symbols to subscribe, and those that the feed's limit leaves out."""

    symbols: list[str]
    left_out: list[str]


class NeededOption(Row):
    """An option that an order or a position is in; `listed` once a feed's listing of it is on record.

    `multiplier` is units of the underlying per contract.
    """

    symbol: str
    underlying: str
    multiplier: Amount
    listed: bool


class Told(BaseModel):
    """A frozen row that a source tells."""

    model_config = ConfigDict(frozen=True)


class Mark(Told):
    """A price that positions are valued at, in dollars; when it was seen, and which bar, quote or feed it came from."""

    symbol: str
    mark: Amount
    marked_at: AwareDatetime
    source: str


class TickStep(Told):
    """From this price on, prices move by `tick`."""

    start: Amount = Field(serialization_alias="from")
    tick: Amount


class ListedInstrument(Told):
    """An instrument as a source lists it. None means that the source does not say, and what was known stays."""

    symbol: str
    kind: Literal["equity", "option", "crypto", "future"]
    name: str | None = None
    multiplier: Amount | None = None
    ticks: tuple[TickStep, ...] | None = None
    lot: Amount | None = None
    underlying: str | None = None
    style: Literal["american", "european"] | None = None
    expires_on: date | None = None
    settlement: Literal["physical", "cash"] | None = None
    sector: str | None = None
    ex_dividend_dates: tuple[date, ...] | None = None
    tradable: bool | None = None
    shortable: bool | None = None


class ListedOption(Told):
    """An option contract in a feed's list; its terms are the instrument's."""

    symbol: str
    open_interest: int | None = None
    open_interest_on: date | None = None
    close_price: Amount | None = None
    close_on: date | None = None
    feed: str
    delay_seconds: int = Field(0, ge=0)
    listed_at: AwareDatetime


class OptionQuote(Told):
    """Best bid (zero where nobody bids) and ask of a contract, with the feed's greeks where it tells them."""

    symbol: str
    bid: Amount
    ask: Amount
    bid_size: Amount
    ask_size: Amount
    implied_volatility: Amount | None = None
    delta: Amount | None = None
    gamma: Amount | None = None
    theta: Amount | None = None
    vega: Amount | None = None
    rho: Amount | None = None
    quoted_at: AwareDatetime
    feed: str
    delay_seconds: int = Field(0, ge=0)


class FoundInData(Told):
    """So many rows (of a gap: minutes) of a feed were wrong in one way; `at` is the event time of the first."""

    symbol: str
    feed: str
    kind: str
    at: AwareDatetime
    count: int = Field(1, ge=1)
    sample: str


class StoredBar(Row):
    """A completed bar as the ledger has it. Prices in the instrument's currency, times UTC."""

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount


class ToldAction(Told):
    """A split (`ratio`: new shares for each old one) or cash dividend (`amount`: dollars for each share)."""

    kind: Literal["split", "cash_dividend"]
    ex_date: date
    special: bool = False
    ratio: Amount | None = None
    amount: Amount | None = None
    record_date: date | None = None
    payable_date: date | None = None
    source_id: str | None = None


_NEEDED = TypeAdapter(list[NeededOption])
_STORED = TypeAdapter(list[StoredBar])
_BARS = TypeAdapter(list[BarData])


class MarksPart(LedgerPart):
    """The part of a folder that values positions."""

    def upsert_marks(self, marks: Sequence[Mark]) -> int:
        """Moves marks forward in time, never back. Returns how many moved.

        Raises LedgerRefused UNKNOWN_SYMBOL, BAD_MARK; nothing of the batch is stored then.
        """
        moved: int = self._call("upsert_marks", {"p_marks": _rows(marks)})
        return moved


class MarketDataLedger(StreamingPart, MarksPart):
    """Instruments, bars, quotes, the calendar, and how far the stream worker has got."""

    def record_market_data(self, bars: Sequence[BarData], quotes: Sequence[QuoteData] = ()) -> int:
        """Stores completed bars and latest quotes; idempotent. Returns how many bars were new or changed.

        Raises LedgerRefused UNKNOWN_SYMBOL, BAD_MARKET_DATA; nothing of the batch is stored then.
        """
        written: int = self._call("record_market_data", {"p_bars": _rows(bars), "p_quotes": _rows(quotes)})
        return written

    def record_findings(self, name: UUID, findings: Sequence[FoundInData]) -> int:
        """Counts what the data-quality gate found, once for each `name`. Raises LedgerRefused BAD_FINDING."""
        arguments = {"p_id": str(name), "p_findings": _rows(findings)}
        written: int = self._call("record_findings", arguments)
        return written

    def roll_up_bars(self, symbol: str, first: datetime, until: datetime) -> list[BarData]:
        """The longer bars that are complete with the stored minutes that start from `first` up to `until`."""
        arguments = {"p_symbol": symbol, "p_from": first.isoformat(), "p_until": until.isoformat()}
        return _BARS.validate_python(self._call("roll_up_bars", arguments))

    def roll_up_missed(self, now: datetime) -> list[BarData]:
        """Longer bars that are over by `now` although their last minute never came; those that are new or changed."""
        return _BARS.validate_python(self._call("roll_up_missed", {"p_now": now.isoformat()}))

    def bars_until(self, symbol: str, timeframe: str, until: datetime, limit: int) -> list[StoredBar]:
        """The newest `limit` stored bars that had ended by `until`, oldest first."""
        arguments = {"p_symbol": symbol, "p_timeframe": timeframe, "p_until": until.isoformat(), "p_limit": limit}
        return _STORED.validate_python(self._call("bars_until", arguments))

    def upsert_instruments(self, listed: Sequence[ListedInstrument], source: str, as_of: date) -> int:
        """Writes a source's list of the day; returns how many changed. An older list changes nothing.

        Raises LedgerRefused BAD_INSTRUMENT, TERMS_ARE_FIXED; nothing of the list is stored then.
        """
        written: int = self._call(
            "upsert_instruments",
            {"p_instruments": _rows(listed), "p_source": source, "p_as_of": as_of.isoformat()},
        )
        return written

    def record_corporate_actions(
        self, symbol: str, actions: Sequence[ToldAction], source: str, first: date, last: date
    ) -> int:
        """Writes all that a source lists of a share with ex-dates in [first, last]; what it leaves out is withdrawn.

        Returns how many changed. Raises LedgerRefused UNKNOWN_SYMBOL, BAD_CORPORATE_ACTIONS; nothing is stored then.
        """
        arguments = {"p_symbol": symbol, "p_actions": _rows(actions), "p_source": source}
        range_asked = {"p_from": first.isoformat(), "p_to": last.isoformat()}
        changed: int = self._call("record_corporate_actions", arguments | range_asked)
        return changed

    def record_option_data(self, contracts: Sequence[ListedOption], quotes: Sequence[OptionQuote] = ()) -> int:
        """Stores listed contracts and their latest quotes; returns how many rows are new or changed.

        Raises LedgerRefused UNKNOWN_SYMBOL, BAD_OPTION_DATA; nothing of the batch is stored then.
        """
        arguments = {"p_contracts": _rows(contracts), "p_quotes": _rows(quotes)}
        written: int = self._call("record_option_data", arguments)
        return written

    def options_needed(self, now: datetime) -> list[NeededOption]:
        """The options of orders that are not over and of open positions; not those that expired before `now` (UTC)."""
        return _NEEDED.validate_python(self._call("options_needed", {"p_now": now.isoformat()}))

    def prepare_bar_months(self, now: datetime) -> int:
        """Makes room for the bars of this month and the next two; returns how many months were made."""
        made: int = self._call("prepare_bar_months", {"p_now": now.isoformat()})
        return made

    def drop_old_bars(self, now: datetime) -> list[str]:
        """Drops the months that are older than the setting `bars_keep_months`; returns their names."""
        dropped: list[str] = self._call("drop_old_bars", {"p_now": now.isoformat()})
        return dropped

    def latest_bar_end(self, symbol: str, timeframe: str) -> datetime | None:
        """The end of the newest stored bar, UTC; None where there is none."""
        return _TIME.validate_python(self._call("latest_bar_end", {"p_symbol": symbol, "p_timeframe": timeframe}))

    def watched_symbols(self) -> Watched:
        """The shares that an active strategy, a position or an open dashboard needs, as many as the feed takes."""
        return Watched.model_validate(self._call("watched_symbols", {}))

    def upsert_calendar(self, sessions: Sequence[Session], source: str) -> int:
        """Writes sessions; returns how many changed."""
        rows = [
            {"date": s.date.isoformat(), "opens_at": s.opens_at.isoformat(), "closes_at": s.closes_at.isoformat()}
            for s in sessions
        ]
        written: int = self._call("upsert_calendar", {"p_sessions": rows, "p_source": source})
        return written


def _rows(told: Sequence[BaseModel]) -> list[dict[str, object]]:
    return [row.model_dump(mode="json", by_alias=True) for row in told]
