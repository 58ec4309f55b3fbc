"""The tape of real minute files, filtered to the session by the exchange's calendar.

A minute file knows four prices per side and minute, not their order: they are replayed as open, low, high, close where
the minute rose, else as open, high, low, close. Where a day has no quote file the quotes stand a stated spread apart
around the bar's own prices. A minute without a row stays empty; nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from functions.backtest.market import Quote
from functions.core.errors import BadInput, Misconfigured
from local.tape.minute_files import BarRow, QuoteRow, read_bars, read_quotes
from local.tape.model import MINUTE, Bar, DailyBar, Minute, Session
from local.tape.sessions import MarketCalendar

EARLIER_SESSIONS = 10
STATED_HALF_SPREAD = Decimal("0.01")
STATED_SIZE = Decimal(1000)
_OFFSETS = tuple(timedelta(seconds=second) for second in (1, 20, 40, 59))


class FileTape:
    """Replays `first` to `last` from `folder`/minute. Raises Misconfigured NO_TAPE_FILE where a day has no bar file."""

    def __init__(
        self, symbols: Sequence[str], first: date, last: date, *, folder: Path, calendar: MarketCalendar
    ) -> None:
        self._folder = folder / "minute"
        if not self._folder.is_dir():
            raise Misconfigured("NO_DATA_FOLDER", f"expected a folder `minute` in {folder}, found none")
        self.symbols = tuple(symbols)
        self.sessions = calendar.between(first, last)
        if not self.sessions:
            raise BadInput("NOT_ON_TAPE", f"expected a trading day in {first} to {last}, found none")
        self.earlier = tuple(
            session
            for session in calendar.before(first, EARLIER_SESSIONS)
            if all(self._file(symbol, session.day, "bars").exists() for symbol in self.symbols)
        )
        self.repeats_dropped = 0
        self.crossed_dropped = 0
        self._bars = lru_cache(maxsize=None)(self._read_bars)
        quoted = all(
            self._file(symbol, session.day, "quotes").exists() for symbol in self.symbols for session in self.sessions
        )
        for session in self.sessions:
            for symbol in self.symbols:
                self._bars(symbol, session)
        self.description = "Real minute bars, " + (
            "with their real quotes." if quoted else f"quotes made {2 * STATED_HALF_SPREAD} apart around the prices."
        )

    def minutes(self, session: Session) -> Iterator[Minute]:
        bars = {(bar.symbol, bar.starts_at): bar for symbol in self.symbols for bar in self.bars(symbol, session)}
        quotes = {symbol: self._quotes(symbol, session) for symbol in self.symbols}
        for index in range(session.minutes):
            starts_at = session.opens_at + index * MINUTE
            ticks = [quote for symbol in self.symbols for quote in quotes[symbol].get(starts_at, [])]
            ticks.sort(key=lambda quote: (quote.at, quote.symbol))
            found = (bars.get((symbol, starts_at)) for symbol in self.symbols)
            yield Minute(starts_at, starts_at + MINUTE, tuple(ticks), tuple(bar for bar in found if bar is not None))

    def bars(self, symbol: str, session: Session) -> Sequence[Bar]:
        if symbol not in self.symbols:
            raise BadInput("UNKNOWN_SYMBOL", f"the tape has {', '.join(self.symbols)}, was {symbol!r}", symbol=symbol)
        return self._bars(symbol, session)

    def daily(self, symbol: str) -> Sequence[DailyBar]:
        return [_whole(session.day, self.bars(symbol, session)) for session in (*self.earlier, *self.sessions)]

    def _file(self, symbol: str, day: date, kind: str) -> Path:
        return self._folder / f"{symbol}-{day.isoformat()}-{kind}.csv.gz"

    def _read_bars(self, symbol: str, session: Session) -> tuple[Bar, ...]:
        path = self._file(symbol, session.day, "bars")
        read = read_bars(path)
        self.repeats_dropped += read.repeats
        bars = tuple(_bar(symbol, row) for row in read.rows if session.opens_at <= row.at < session.closes_at)
        if not bars:
            raise BadInput("EMPTY_TAPE", f"{path.name} has no minute within the session of {session.day}")
        return bars

    def _quotes(self, symbol: str, session: Session) -> dict[datetime, list[Quote]]:
        path = self._file(symbol, session.day, "quotes")
        if not path.exists():
            return {bar.starts_at: _stated(bar) for bar in self.bars(symbol, session)}
        read = read_quotes(path)
        self.repeats_dropped += read.repeats
        quotes: dict[datetime, list[Quote]] = {}
        for row in read.rows:
            if session.opens_at <= row.at < session.closes_at:
                points = _points(symbol, row)
                quotes[row.at] = [quote for quote in points if quote.bid <= quote.ask]
                # The bid and the ask of a minute reach their extremes at different moments, so a pair can cross.
                self.crossed_dropped += len(points) - len(quotes[row.at])
        return quotes


def _bar(symbol: str, row: BarRow) -> Bar:
    price = row.price
    return Bar(symbol, row.at, row.at + MINUTE, price.open, price.high, price.low, price.close, row.volume)


def _points(symbol: str, row: QuoteRow) -> list[Quote]:
    bid_size, ask_size = Decimal(row.bid_size), Decimal(row.ask_size)
    rising = row.bid.close >= row.bid.open
    names = ("open", "low", "high", "close") if rising else ("open", "high", "low", "close")
    return [
        Quote(symbol, getattr(row.bid, name), getattr(row.ask, name), bid_size, ask_size, row.at + offset)
        for name, offset in zip(names, _OFFSETS, strict=True)
    ]


def _stated(bar: Bar) -> list[Quote]:
    rising = bar.close >= bar.open
    prices = (bar.open, bar.low, bar.high, bar.close) if rising else (bar.open, bar.high, bar.low, bar.close)
    return [
        Quote(
            bar.symbol,
            max(price - STATED_HALF_SPREAD, STATED_HALF_SPREAD),
            price + STATED_HALF_SPREAD,
            STATED_SIZE,
            STATED_SIZE,
            bar.starts_at + offset,
        )
        for price, offset in zip(prices, _OFFSETS, strict=True)
    ]


def _whole(day: date, bars: Sequence[Bar]) -> DailyBar:
    return DailyBar(
        day=day,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
    )
