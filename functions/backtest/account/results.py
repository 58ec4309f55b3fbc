"""What the account and each strategy have won, kept as prices and fills come: as the ledger's watch records it."""

from __future__ import annotations

import datetime as dt
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from functions.backtest.account.holdings import Heap
from functions.core.instruments import symbol_kind
from functions.core.market_calendar import Session
from functions.risk.book import ZERO, Mark
from functions.risk.facts.results import ScopeResult

_MICROSECOND = timedelta(microseconds=1)


class Won:
    """One scope: its result now, symbol by symbol, and how it stood at best and before the session day."""

    __slots__ = ("_day", "_last", "_parts", "_peak", "_session_open", "_total", "open")

    def __init__(self) -> None:
        self.open: dict[str, Mark | None] = {}
        self._parts: dict[str, Decimal] = {}
        self._total = ZERO
        self._day: dt.date | None = None
        self._last = self._peak = self._session_open = ZERO

    def value(self, symbol: str, heap: Heap, multiplier: Decimal, mark: Mark | None) -> None:
        """What is held of a symbol, or its mark, has changed."""
        part = heap.realised - heap.fees
        if heap.quantity:
            self.open[symbol] = mark
            if mark is not None:
                part += heap.quantity * multiplier * mark.price - heap.cost
        else:
            self.open.pop(symbol, None)
        self._total += part - self._parts.get(symbol, ZERO)
        self._parts[symbol] = part

    @property
    def missing(self) -> list[str]:
        """The open symbols without a mark."""
        return sorted(symbol for symbol, mark in self.open.items() if mark is None)

    def record(self, day: dt.date) -> None:
        """How it stands now counts, for the best and for the day."""
        known = None if None in self.open.values() else self._total
        if self._day is None:
            self._day, self._last = day, known or ZERO
        elif day > self._day:
            self._day, self._session_open = day, self._last
        if known is not None:
            self._last = known
            self._peak = max(self._peak, known)

    def result(self, at: datetime, day: dt.date, session: Session | None) -> ScopeResult:
        """What it has lost by now."""
        session_open = self._last if self._day is not None and self._day < day else self._session_open
        missing = self.missing
        known = None if missing else self._total
        return ScopeResult.of(known, self._peak, session_open, ", ".join(missing), self._age(at, session))

    def _age(self, at: datetime, session: Session | None) -> Decimal:
        """Seconds of trading since the oldest mark: out of session none ages, at the open each begins at zero.

        What trades around the clock ages always.
        """
        oldest: datetime | None = None
        for symbol, mark in self.open.items():
            if mark is None:
                continue
            since = mark.quoted_at
            if not _is_crypto(symbol):
                if session is None:
                    continue
                if since < session.opens_at:
                    since = session.opens_at
            if oldest is None or since < oldest:
                oldest = since
        return ZERO if oldest is None else max(Decimal((at - oldest) // _MICROSECOND).scaleb(-6), ZERO)


@lru_cache(maxsize=1 << 14)
def _is_crypto(symbol: str) -> bool:
    return symbol_kind(symbol) == "crypto"
