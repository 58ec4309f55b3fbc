"""Completed bars as columns of integers: prices are ticks of 1/10000, so that every sum is exact in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from functions.core.clock import require_utc
from functions.core.errors import BadInput
from functions.core.market_calendar import Calendar
from functions.core.money import rounded

IntArray = NDArray[np.int64]
Timeframe = Literal["1Min", "5Min", "15Min", "1Hour", "1Day"]

MISSING = int(np.iinfo(np.int64).min)
"""What is not there, in a column of integers: there is no NaN among them."""
TIMEFRAME_LENGTHS: Mapping[Timeframe, timedelta] = {
    "1Min": timedelta(minutes=1),
    "5Min": timedelta(minutes=5),
    "15Min": timedelta(minutes=15),
    "1Hour": timedelta(hours=1),
    "1Day": timedelta(days=1),
}
TICKS_PER_UNIT = 10_000
TICK_PLACES = 4
# Window sums and their cross products stay inside 64 bits: 10^12 ticks x 1000 bars x 1000 bars < 9.2 x 10^18.
HIGHEST_PRICE = Decimal(100_000_000)
LONGEST_WINDOW = 1000
_HIGHEST_VOLUME = Decimal(10) ** 15
_COLUMNS = ("starts_at", "ends_at", "open", "high", "low", "close", "volume", "opens_at", "closes_at")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BarRow(Protocol):
    """One completed bar as it is stored: Decimal prices in the instrument's currency, times with a time zone.

    `functions.core.events.BarData` is one.
    """

    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def open(self) -> Decimal: ...
    @property
    def high(self) -> Decimal: ...
    @property
    def low(self) -> Decimal: ...
    @property
    def close(self) -> Decimal: ...
    @property
    def volume(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Bar:
    """One completed bar in ticks of 1/10000; volume in whole shares or contracts; times UTC.

    `opens_at` and `closes_at` are those of its regular session, None where it lies in none.
    """

    starts_at: datetime
    ends_at: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    opens_at: datetime | None = None
    closes_at: datetime | None = None


def to_ticks(price: Decimal, field: str = "price") -> int:
    """A price as whole ticks. A finer print is rounded half away from zero; the ledger keeps the print itself.

    Raises BadInput BAD_BAR where the price is not finite, rounds to nothing, or is above 100 million.
    """
    if not price.is_finite() or not 0 < price <= HIGHEST_PRICE:
        raise BadInput("BAD_BAR", f"{field} must be above 0 and at most {HIGHEST_PRICE}, was {price}", field=field)
    ticks = int(rounded(price, TICK_PLACES).scaleb(TICK_PLACES))
    if ticks == 0:
        raise BadInput("BAD_BAR", f"{field} must be at least one tick of 0.0001, was {price}", field=field)
    return ticks


def to_price(ticks: int) -> Decimal:
    """Ticks as a price in the instrument's currency."""
    return Decimal(ticks).scaleb(-TICK_PLACES)


def to_nanoseconds(at: datetime) -> int:
    """Nanoseconds since 1970 in UTC, exact. Raises ValueError where `at` has no time zone."""
    return (require_utc(at) - _EPOCH) // _MICROSECOND * 1000


def to_datetime(nanoseconds: int) -> datetime:
    """The UTC moment, to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Completed bars of one symbol and timeframe, oldest first.

    Every array is one-dimensional, int64, read-only and of equal length: times in nanoseconds UTC, prices in ticks of
    1/10000, volume in whole shares or contracts. Bars need not be adjacent (a minute without a trade has no bar), but
    they rise, without doubles or overlaps. `opens_at` and `closes_at` are those of the regular session that a bar lies
    in, MISSING where it lies in none or its session is not known.
    """

    symbol: str
    timeframe: Timeframe
    starts_at: IntArray
    ends_at: IntArray
    open: IntArray
    high: IntArray
    low: IntArray
    close: IntArray
    volume: IntArray
    opens_at: IntArray
    closes_at: IntArray

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            values: IntArray = getattr(self, name)
            if values.dtype != np.int64 or values.shape != self.starts_at.shape or values.ndim != 1:
                found = f"{values.dtype} of shape {values.shape}"
                raise BadInput("BAD_BARS", f"{name} must be int64 of shape {self.starts_at.shape}, was {found}")
            view = values.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        self._require(self.low > 0, "expected prices above zero")
        self._require(self.high <= int(HIGHEST_PRICE) * TICKS_PER_UNIT, "expected prices up to 100 million")
        self._require(self.volume >= 0, "expected a volume that is not negative")
        lowest, highest = np.minimum(self.open, self.close), np.maximum(self.open, self.close)
        self._require((self.low <= lowest) & (highest <= self.high), "expected low <= open, close <= high")
        self._require(self.ends_at > self.starts_at, "expected a bar to end after it starts")
        in_order = np.ones(len(self), dtype=np.bool_)
        in_order[1:] = self.starts_at[1:] >= self.ends_at[:-1]
        self._require(in_order, "expected bars in order, without doubles or overlaps")

    @classmethod
    def of(cls, symbol: str, timeframe: Timeframe, rows: Sequence[BarRow], calendar: Calendar | None = None) -> Bars:
        """Bars from stored rows, oldest first, in the sessions of `calendar`.

        Raises BadInput BAD_BAR or BAD_BARS naming the bar and the reason.
        """
        for row in rows:
            if row.starts_at.tzinfo is None or row.ends_at.tzinfo is None:
                raise BadInput("BAD_BAR", f"{symbol}: bar times must carry a time zone, was {row.starts_at}")
            if not (row.volume.is_finite() and 0 <= row.volume <= _HIGHEST_VOLUME):
                raise BadInput("BAD_BAR", f"{symbol} at {row.starts_at}: volume must be 0 or more, was {row.volume}")
        sessions = [None if calendar is None else calendar.at(row.starts_at) for row in rows]
        return cls(
            symbol,
            timeframe,
            starts_at=_array([to_nanoseconds(row.starts_at) for row in rows]),
            ends_at=_array([to_nanoseconds(row.ends_at) for row in rows]),
            open=_array([to_ticks(row.open, f"{symbol} open at {row.starts_at}") for row in rows]),
            high=_array([to_ticks(row.high, f"{symbol} high at {row.starts_at}") for row in rows]),
            low=_array([to_ticks(row.low, f"{symbol} low at {row.starts_at}") for row in rows]),
            close=_array([to_ticks(row.close, f"{symbol} close at {row.starts_at}") for row in rows]),
            volume=_array([int(rounded(row.volume, 0)) for row in rows]),
            opens_at=_array([_nanoseconds(None if one is None else one.opens_at) for one in sessions]),
            closes_at=_array([_nanoseconds(None if one is None else one.closes_at) for one in sessions]),
        )

    def __len__(self) -> int:
        return len(self.starts_at)

    def window(self, start: int, stop: int) -> Bars:
        """The bars from index `start` up to, and without, `stop`; no copy is made."""
        # A run of good bars is good: the checks of the whole are not made again for every decision.
        cut = object.__new__(Bars)
        object.__setattr__(cut, "symbol", self.symbol)
        object.__setattr__(cut, "timeframe", self.timeframe)
        for name in _COLUMNS:
            object.__setattr__(cut, name, getattr(self, name)[start:stop])
        return cut

    def first(self, count: int) -> Bars:
        """The oldest `count` bars, or all where there are fewer."""
        return self if count >= len(self) else self.window(0, count)

    def until(self, nanoseconds: int) -> Bars:
        """The bars that had ended by this moment: never one of the future."""
        return self.first(self.ended_by(nanoseconds))

    def ended_by(self, nanoseconds: int) -> int:
        """How many of the bars had ended by this moment."""
        return int(self.ends_at.searchsorted(nanoseconds, side="right"))

    def last(self, count: int) -> Bars:
        """The newest `count` bars, or all where there are fewer."""
        return self if count >= len(self) else self.window(len(self) - count, len(self))

    def bar(self, index: int) -> Bar:
        """One bar as plain integers and times. Raises IndexError outside the bars."""
        return Bar(
            to_datetime(int(self.starts_at[index])),
            to_datetime(int(self.ends_at[index])),
            int(self.open[index]),
            int(self.high[index]),
            int(self.low[index]),
            int(self.close[index]),
            int(self.volume[index]),
            _moment(int(self.opens_at[index])),
            _moment(int(self.closes_at[index])),
        )

    def _require(self, holds: NDArray[np.bool_], expected: str) -> None:
        if not holds.all():
            index = int(np.argmin(holds))
            bar = self.bar(index)
            found = f"o={bar.open} h={bar.high} l={bar.low} c={bar.close} ticks, v={bar.volume}, ends {bar.ends_at}"
            raise BadInput(
                "BAD_BARS", f"{self.symbol} bar {index} at {bar.starts_at}: {expected}, was {found}", index=index
            )


def _array(values: list[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


def _nanoseconds(at: datetime | None) -> int:
    return MISSING if at is None else to_nanoseconds(at)


def _moment(nanoseconds: int) -> datetime | None:
    return None if nanoseconds == MISSING else to_datetime(nanoseconds)
