"""Each minute's bar once, when the feed says that the minute is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from functions.brokers.minute_candles import MinuteCandles
from functions.core.events import BarData

NOON = datetime(2026, 1, 2, 17, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def bar(minute: int, close: str = "270", symbol: str = "SPY") -> BarData:
    price = Decimal(close)
    at = NOON + minute * MINUTE
    return BarData(
        symbol=symbol, timeframe="1Min", starts_at=at, ends_at=at + MINUTE,
        open=price, high=price, low=price, close=price, volume=Decimal(1), feed="dxfeed",
    )  # fmt: skip


def test_candle_when_its_minute_runs_then_it_waits_and_the_last_change_counts() -> None:
    candles = MinuteCandles()
    candles.take(bar(0, "270"))
    candles.take(bar(0, "271"))
    assert (candles.completed(0), candles.wait(0)) == ([], None)
    candles.take(bar(1))
    assert candles.completed(0) == [bar(0, "271")]


def test_candle_when_told_again_after_its_minute_then_it_is_given_once() -> None:
    candles = MinuteCandles()
    candles.take(bar(0))
    candles.take(bar(1))
    assert len(candles.completed(0)) == 1
    candles.take(bar(0, "269"))
    assert candles.completed(0) == []


def test_candle_when_another_event_is_later_then_it_waits_a_moment_for_its_last_change() -> None:
    candles = MinuteCandles(grace=1.0)
    candles.take(bar(0))
    candles.saw(NOON + MINUTE)
    assert (candles.completed(10.0), candles.wait(10.25)) == ([], 0.75)
    candles.take(bar(0, "275"))
    assert candles.completed(11.0) == [bar(0, "275")]
    assert candles.wait(11.0) is None


def test_candle_when_it_says_that_it_was_told_after_its_minute_then_it_is_over() -> None:
    candles = MinuteCandles()
    candles.take(bar(0), told_at=NOON + MINUTE)
    assert candles.completed(0.0) == [bar(0)]


def test_candles_when_a_snapshot_comes_newest_first_then_bars_come_oldest_first() -> None:
    candles = MinuteCandles()
    for minute in (3, 2, 1, 0):
        candles.take(bar(minute))
    assert candles.completed(0) == [bar(0), bar(1), bar(2)]


def test_candle_when_another_symbol_moves_on_then_it_is_not_over_by_that_alone() -> None:
    candles = MinuteCandles()
    candles.take(bar(0))
    candles.take(bar(1, symbol="IWM"))
    assert candles.completed(0) == []


def test_candle_when_taken_back_then_it_is_never_given() -> None:
    candles = MinuteCandles()
    candles.take(bar(0))
    candles.remove("SPY", NOON)
    candles.take(bar(1))
    assert candles.completed(0) == []
