"""What a tape is: sessions of minutes, each with its quotes and prints in time order and then its completed bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from functions.backtest.market import Print, Quote

MINUTE = timedelta(minutes=1)
POINTS_PER_MINUTE = 4


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of the exchange: its date there, and when it opens and closes, UTC."""

    day: date
    opens_at: datetime
    closes_at: datetime

    @property
    def minutes(self) -> int:
        """Length in minutes: 390, or 210 on a half day."""
        return int((self.closes_at - self.opens_at) / MINUTE)


@dataclass(frozen=True, slots=True)
class Bar:
    """A completed minute. Prices in the instrument's currency, volume in shares, times UTC.

    `trades` and `vwap` are None where the source does not say.
    """

    symbol: str
    starts_at: datetime
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    trades: int | None = None
    vwap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DailyBar:
    """A whole session. Prices in the instrument's currency, volume in shares."""

    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a session: what happened in it in time order, then its bars, one per symbol that traded."""

    starts_at: datetime
    ends_at: datetime
    ticks: tuple[Quote | Print, ...]
    bars: tuple[Bar, ...]


class Tape(Protocol):
    """A stretch of market history that can be replayed. The same tape always says the same."""

    @property
    def description(self) -> str:
        """Where the prices come from and what is made of them, in a sentence."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]: ...

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions that are replayed, in order; at least one."""
        ...

    @property
    def earlier(self) -> tuple[Session, ...]:
        """Sessions before the first replayed one whose minute bars are at hand, in order."""
        ...

    def minutes(self, session: Session) -> Iterator[Minute]:
        """A replayed session, minute by minute."""
        ...

    def bars(self, symbol: str, session: Session) -> Sequence[Bar]:
        """The minute bars of one session, replayed or earlier; raises BadInput for a session the tape does not have."""
        ...

    def daily(self, symbol: str) -> Sequence[DailyBar]:
        """Daily bars up to and including the last replayed session, in order."""
        ...
