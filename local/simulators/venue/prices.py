"""What the simulator has shown of the market so far: the latest of everything, and all of it for the data REST."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime
from decimal import Decimal

from functions.backtest.market import Print, Quote
from local.tape.model import Bar, DailyBar, Session, Tape


class Prices:
    """Nothing of the tape's future can be read from here. Times UTC, prices in dollars, sizes in shares."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._bars: dict[str, list[Bar]] = {symbol: [] for symbol in tape.symbols}
        self._quotes: dict[str, list[Quote]] = {symbol: [] for symbol in tape.symbols}
        self._prints: dict[str, list[Print]] = {symbol: [] for symbol in tape.symbols}
        self._closed: set[date] = {session.day for session in tape.earlier}

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._tape.symbols

    def show(self, tick: Quote | Print) -> None:
        if isinstance(tick, Quote):
            self._quotes[tick.symbol].append(tick)
        else:
            self._prints[tick.symbol].append(tick)

    def complete(self, bar: Bar) -> None:
        self._bars[bar.symbol].append(bar)

    def close(self, session: Session) -> None:
        self._closed.add(session.day)

    def last_bar(self, symbol: str) -> Bar | None:
        """The latest completed bar of the replayed stretch; None before the first."""
        bars = self._bars.get(symbol)
        return bars[-1] if bars else None

    def quote(self, symbol: str) -> Quote | None:
        quotes = self._quotes.get(symbol)
        return quotes[-1] if quotes else None

    def trade(self, symbol: str) -> Print | None:
        """The latest print; where the tape has none, the close of the latest bar."""
        prints = self._prints.get(symbol)
        if prints:
            return prints[-1]
        bar = self.last_bar(symbol)
        return None if bar is None else Print(symbol, bar.close, Decimal(bar.volume), bar.ends_at)

    def mark(self, symbol: str) -> Decimal | None:
        """What a share is worth now: the latest trade, else the latest daily close; None where neither is known."""
        trade = self.trade(symbol)
        if trade is not None:
            return trade.price
        days = self.days(symbol)
        return days[-1].close if days else None

    def quotes(self, symbol: str, start: datetime, end: datetime) -> list[Quote]:
        """Quotes of `start` to `end`, both included."""
        quotes = self._quotes.get(symbol, [])
        return quotes[bisect_left(quotes, start, key=_quoted_at) : bisect_right(quotes, end, key=_quoted_at)]

    def prints(self, symbol: str, start: datetime, end: datetime) -> list[Print]:
        """Prints of `start` to `end`, both included."""
        prints = self._prints.get(symbol, [])
        return prints[bisect_left(prints, start, key=_printed_at) : bisect_right(prints, end, key=_printed_at)]

    def minutes(self, symbol: str, start: datetime, end: datetime) -> list[Bar]:
        """Completed minute bars that start within `start` to `end`, earlier sessions included."""
        if symbol not in self._bars:
            return []
        found = [
            bar
            for session in self._tape.earlier
            if session.closes_at > start and session.opens_at <= end
            for bar in self._tape.bars(symbol, session)
        ]
        found += self._bars[symbol]
        return found[bisect_left(found, start, key=_starts_at) : bisect_right(found, end, key=_starts_at)]

    def days(self, symbol: str) -> list[DailyBar]:
        """Daily bars of every session that is over, in order."""
        if symbol not in self._bars:
            return []
        first = self._tape.sessions[0].day
        return [bar for bar in self._tape.daily(symbol) if bar.day < first or bar.day in self._closed]

    def today(self, symbol: str, session: Session) -> DailyBar | None:
        """The daily bar of a session so far; None before its first minute is complete."""
        bars = self.minutes(symbol, session.opens_at, session.closes_at)
        if not bars:
            return None
        return DailyBar(
            day=session.day,
            open=bars[0].open,
            high=max(bar.high for bar in bars),
            low=min(bar.low for bar in bars),
            close=bars[-1].close,
            volume=sum(bar.volume for bar in bars),
        )

    def previous_close(self, symbol: str, today: date) -> Decimal | None:
        """The close of the last session before `today`; None where it is not known."""
        days = [bar for bar in self.days(symbol) if bar.day < today]
        return days[-1].close if days else None


def _quoted_at(quote: Quote) -> datetime:
    return quote.at


def _printed_at(trade: Print) -> datetime:
    return trade.at


def _starts_at(bar: Bar) -> datetime:
    return bar.starts_at
