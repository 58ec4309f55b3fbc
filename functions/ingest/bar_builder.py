"""Minute bars made of trades, where the feed tells no bars. It reads no clock: whoever has one says what time it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from functions.brokers.markets import TradePrint
from functions.core.events import BarData
from functions.ingest.quality.findings import Finding

MINUTE: Final = timedelta(minutes=1)
# The tapes' rules: the official prices of an exchange, and a corrected close, repeat volume that was told before.
_WITHOUT_VOLUME: Final = frozenset("MQ9")
_WEIGHTS: Final[Mapping[str, int]] = {"new": 0, "corrected": 1, "canceled": 2}
_Key = tuple[str, datetime]


class BarBuilder:
    """Collects the trades of each minute until it is over by `grace`, as later trades of the symbol or a clock show.

    Within the grace trades may come in any order. A minute without a trade that sets prices has no bar.
    """

    def __init__(self, grace: timedelta) -> None:
        self._grace = grace
        self._delay = timedelta(0)
        self._since: datetime | None = None
        self._open: dict[_Key, dict[int, TradePrint]] = {}
        self._newest: dict[str, datetime] = {}
        self._over: dict[str, datetime] = {}

    @property
    def is_building(self) -> bool:
        return self._since is not None

    def begin(self, now: datetime, delay_seconds: int = 0) -> None:
        """Every trade from now on is told, so late: the minute that has begun would lack some, and gets no bar."""
        self.end()
        self._delay = timedelta(seconds=delay_seconds)
        began = _minute(now - self._delay)
        self._since = began if began == now - self._delay else began + MINUTE

    def end(self) -> None:
        """Bars come, or trades were missed: what is not over is not made."""
        self._since = None
        self._open.clear()
        self._newest.clear()
        self._over.clear()

    def take(self, trade: TradePrint) -> Finding | None:
        """Counts the trade in its minute; a finding where that is over and its bar was given out."""
        minute = _minute(trade.traded_at)
        if self._since is None or minute < self._since:
            return None
        over = self._over.get(trade.symbol)
        if over is not None and minute < over:
            text = (
                f"a trade of {trade.traded_at.isoformat()} was told after the bar of its minute was made ({trade.told})"
            )
            return Finding(trade.symbol, trade.feed, "disorder", trade.traded_at, text)
        trades = self._open.setdefault((trade.symbol, minute), {})
        known = trades.get(trade.number)
        if known is None or _WEIGHTS[trade.told] >= _WEIGHTS[known.told]:
            trades[trade.number] = trade
        self._newest[trade.symbol] = max(trade.traded_at, self._newest.get(trade.symbol, trade.traded_at))
        return None

    def completed(self, now: datetime) -> list[BarData]:
        """The bars of minutes that are over, oldest first."""
        bars = []
        for symbol, minute in sorted(self._open, key=lambda key: (key[1], key[0])):
            ends_at = minute + MINUTE
            if ends_at + self._grace <= max(now - self._delay, self._newest[symbol]):
                self._over[symbol] = max(ends_at, self._over.get(symbol, ends_at))
                trades = self._open.pop((symbol, minute)).values()
                bar = bar_of(symbol, minute, trades, int(self._delay.total_seconds()))
                bars.extend([] if bar is None else [bar])
        return bars


def bar_of(symbol: str, starts_at: datetime, trades: Iterable[TradePrint], delay_seconds: int = 0) -> BarData | None:
    """The bar of these trades of one minute; None where none of them sets prices."""
    counted = sorted((one for one in trades if one.told != "canceled"), key=lambda one: (one.traded_at, one.number))
    prices = [one.price for one in counted if one.sets_prices]
    if not prices:
        return None
    volume = sum((one.size for one in counted if not _WITHOUT_VOLUME & set(one.conditions)), Decimal(0))
    return BarData(
        symbol=symbol,
        timeframe="1Min",
        starts_at=starts_at,
        ends_at=starts_at + MINUTE,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        feed=counted[0].feed,
        delay_seconds=delay_seconds,
    )


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
