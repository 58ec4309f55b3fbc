"""The made tape: SPY as a tenth of the S&P 500 index, a made minute path through each real day.

The open, high, low, close and volume of each day are real; every price inside the day is made. It is never real
minute data, and it is the index, not the fund: a tenth of it, rounded to cents, without dividends.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from functions.backtest.market import Print, Quote
from functions.core.errors import BadInput
from functions.core.money import divided, rounded
from local.tape import packaged
from local.tape.model import MINUTE, POINTS_PER_MINUTE, Bar, DailyBar, Minute, Session
from local.tape.sessions import MarketCalendar

if TYPE_CHECKING:
    from local.tape import path

SYMBOL = "SPY"
EARLIER_SESSIONS = 10
_OFFSETS = tuple(timedelta(seconds=second) for second in (1, 20, 40, 59))
_PRINT_AFTER_QUOTE = timedelta(milliseconds=1)
_VOLATILITY_DAYS = 21
_LEAST_VOLATILITY = 5.0


class MadeTape:
    """Replays `first` to `last`, both included. Raises BadInput NOT_ON_TAPE where a day has no real prices."""

    def __init__(self, symbol: str, first: date, last: date, *, seed: int, calendar: MarketCalendar) -> None:
        if symbol != SYMBOL:
            raise BadInput("UNKNOWN_SYMBOL", f"the made tape has {SYMBOL}, was {symbol!r}", symbol=symbol)
        self._seed = seed
        self._daily = packaged.index_days()
        self._days = [bar.day for bar in self._daily]
        self.sessions = calendar.between(first, last)
        if not self.sessions:
            raise BadInput("NOT_ON_TAPE", f"expected a trading day in {first} to {last}, found none")
        for session in self.sessions:
            self._day_bar(session.day)
        self.earlier = tuple(
            session for session in calendar.before(first, EARLIER_SESSIONS) if session.day >= self._days[0]
        )
        self.symbols = (SYMBOL,)
        self.description = (
            f"A made minute path through real daily prices; never real minute data. {SYMBOL} is the S&P 500 index "
            f"divided by 10, in cents; seed {seed}; roughness and spread from VIX of the day "
            f"(before 2014 from the index's own {_VOLATILITY_DAYS}-day volatility)."
        )
        self._points = lru_cache(maxsize=EARLIER_SESSIONS + 4)(self._make)

    def minutes(self, session: Session) -> Iterator[Minute]:
        made, bars = self._points(session), self.bars(SYMBOL, session)
        for index, bar in enumerate(bars):
            ticks: list[Quote | Print] = []
            for point in range(index * POINTS_PER_MINUTE, (index + 1) * POINTS_PER_MINUTE):
                at = bar.starts_at + _OFFSETS[point % POINTS_PER_MINUTE]
                ticks.append(
                    Quote(
                        symbol=SYMBOL,
                        bid=_dollars(made.bid[point]),
                        ask=_dollars(made.ask[point]),
                        bid_size=Decimal(int(made.bid_size[point])),
                        ask_size=Decimal(int(made.ask_size[point])),
                        at=at,
                    )
                )
                size = int(made.traded[point])
                if size:
                    ticks.append(Print(SYMBOL, _dollars(made.price[point]), Decimal(size), at + _PRINT_AFTER_QUOTE))
            yield Minute(bar.starts_at, bar.ends_at, tuple(ticks), (bar,))

    def bars(self, symbol: str, session: Session) -> Sequence[Bar]:
        if symbol != SYMBOL:
            raise BadInput("UNKNOWN_SYMBOL", f"the made tape has {SYMBOL}, was {symbol!r}", symbol=symbol)
        made = self._points(session)
        bars = []
        for index in range(session.minutes):
            here = slice(index * POINTS_PER_MINUTE, (index + 1) * POINTS_PER_MINUTE)
            price, traded = made.price[here], made.traded[here]
            volume = int(traded.sum())
            starts_at = session.opens_at + index * MINUTE
            bars.append(
                Bar(
                    symbol=SYMBOL,
                    starts_at=starts_at,
                    ends_at=starts_at + MINUTE,
                    open=_dollars(price[0]),
                    high=_dollars(price.max()),
                    low=_dollars(price.min()),
                    close=_dollars(price[-1]),
                    volume=volume,
                    trades=int((traded > 0).sum()),
                    vwap=_vwap(int((price * traded).sum()), volume),
                )
            )
        return bars

    def daily(self, symbol: str) -> Sequence[DailyBar]:
        if symbol != SYMBOL:
            raise BadInput("UNKNOWN_SYMBOL", f"the made tape has {SYMBOL}, was {symbol!r}", symbol=symbol)
        return self._daily[: bisect_left(self._days, self.sessions[-1].day) + 1]

    def _make(self, session: Session) -> path.Path:
        # numpy is loaded when the first price is wanted, so that a server on this tape listens sooner.
        from local.tape import path

        bar = self._day_bar(session.day)
        day = path.Day(
            open=_cents(bar.open),
            high=_cents(bar.high),
            low=_cents(bar.low),
            close=_cents(bar.close),
            volume=bar.volume,
            volatility=self._volatility(session.day),
        )
        return path.make(day, session.minutes, seed=self._seed, symbol=SYMBOL, on=session.day)

    def _day_bar(self, day: date) -> DailyBar:
        index = bisect_left(self._days, day)
        if index == len(self._days) or self._days[index] != day:
            raise BadInput(
                "NOT_ON_TAPE", f"expected a day of {self._days[0]} to {self._days[-1]}, was {day}", day=day.isoformat()
            )
        return self._daily[index]

    def _volatility(self, day: date) -> float:
        """Percent per year. Shapes the made path only; no price or quantity is computed from it."""
        vix = packaged.vix_closes().get(day)
        if vix is not None:
            return float(vix)
        index = bisect_left(self._days, day)
        closes = [float(bar.close) for bar in self._daily[max(0, index - _VOLATILITY_DAYS) : index + 1]]
        changes = [math.log(after / before) for before, after in pairwise(closes)]
        if not changes:
            return 2 * _LEAST_VOLATILITY
        variance = math.fsum(change * change for change in changes) / len(changes)
        return max(_LEAST_VOLATILITY, 100.0 * math.sqrt(252.0 * variance))


def _cents(price: Decimal) -> int:
    return int(price * 100)


def _dollars(cents: int) -> Decimal:
    return Decimal(int(cents)).scaleb(-2)


def _vwap(cents: int, volume: int) -> Decimal | None:
    return rounded(divided(Decimal(cents), Decimal(volume * 100)), 6) if volume else None
