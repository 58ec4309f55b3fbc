"""The newest quote of each symbol: in the hot store for decisions, published at a bounded rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from functions.core.bus import Bus
from functions.core.events import QuoteData, QuoteUpdated, TopOfBook
from functions.core.hotstore import HotStore
from functions.core.hotstore.keys import quote_key

QUOTES_TOPIC = "market-data-quotes"
Quote = TypeVar("Quote", bound=TopOfBook)


class CoalescedQuotes(Generic[Quote]):
    """Between two published quotes of a symbol at least `interval` seconds of machine time pass.

    A quote that is passed over is not lost: `flush` brings the newest one out before anything is decided on a bar.
    """

    def __init__(self, hot: HotStore, interval: float, say: Callable[[Quote], object]) -> None:
        self._hot = hot
        self._interval = interval
        self._say = say
        self._newest: dict[str, Quote] = {}
        self._unsaid: set[str] = set()
        self._next_at: dict[str, float] = {}

    def newest(self, symbol: str) -> Quote | None:
        """The newest quote heard of a symbol, said or not."""
        return self._newest.get(symbol)

    def heard(self, quote: Quote) -> None:
        """Takes a quote; says it when the interval has passed. An older one than the newest is dropped."""
        known = self._newest.get(quote.symbol)
        if known is not None and quote.quoted_at < known.quoted_at:
            return
        self._newest[quote.symbol] = quote
        self._unsaid.add(quote.symbol)
        if time.monotonic() >= self._next_at.get(quote.symbol, 0.0):
            self.flush(quote.symbol)

    def flush(self, symbol: str) -> None:
        """Says the symbol's newest quote if it was not said yet."""
        if symbol not in self._unsaid:
            return
        quote = self._newest[symbol]
        self._hot.put(quote_key(symbol), quote.model_dump(mode="json"))
        self._say(quote)
        self._unsaid.discard(symbol)
        self._next_at[symbol] = time.monotonic() + self._interval

    def flush_due(self) -> None:
        """Says the newest quotes that were passed over and whose interval is over: no further quote may come."""
        for symbol in sorted(self._unsaid):
            if time.monotonic() >= self._next_at.get(symbol, 0.0):
                self.flush(symbol)


class QuoteBoard(CoalescedQuotes[QuoteData]):
    """The quotes of what is no option."""

    def __init__(self, hot: HotStore, bus: Bus, interval: float) -> None:
        super().__init__(hot, interval, lambda quote: bus.publish(QUOTES_TOPIC, [QuoteUpdated.of(quote)]))
