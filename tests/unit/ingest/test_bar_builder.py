"""Bars made of trades: the same whatever the order within the grace, of every trade that counts, and of none else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.brokers.markets import TradePrint
from functions.core.events import BarData
from functions.ingest.bar_builder import BarBuilder

OPENS = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
GRACE = 10 * SECOND


def trade(
    seconds: float,
    price: str = "100.01",
    size: str = "7",
    *,
    number: int = 0,
    symbol: str = "SPY",
    conditions: str = "@",
    sets_prices: bool = True,
    told: Literal["new", "corrected", "canceled"] = "new",
) -> TradePrint:
    """So many seconds after the open; numbered by its time where no number is given."""
    return TradePrint(
        symbol=symbol,
        traded_at=OPENS + timedelta(seconds=seconds),
        number=number or int(seconds * 1000) + 1,
        price=Decimal(price),
        size=Decimal(size),
        conditions=conditions,
        sets_prices=sets_prices,
        told=told,
        feed="dxfeed",
    )


def building(now: datetime = OPENS, delay_seconds: int = 0) -> BarBuilder:
    builder = BarBuilder(GRACE)
    builder.begin(now, delay_seconds)
    return builder


def built(builder: BarBuilder, trades: Sequence[TradePrint]) -> list[BarData]:
    """What comes out while the trades come in, and at the end of the day; none of them is late."""
    bars = []
    for each in trades:
        assert builder.take(each) is None
        bars.extend(builder.completed(OPENS))
    return [*bars, *builder.completed(OPENS + timedelta(hours=8))]


def recomputed(trades: Sequence[TradePrint]) -> dict[tuple[str, datetime], tuple[Decimal, ...]]:
    """Open, high, low, close and volume of every minute that has prices, in the plainest way."""
    bars: dict[tuple[str, datetime], tuple[Decimal, ...]] = {}
    for symbol in {each.symbol for each in trades}:
        for minute in range(40):
            inside = [
                each
                for each in trades
                if each.symbol == symbol and 60 * minute <= (each.traded_at - OPENS).total_seconds() < 60 * minute + 60
            ]
            inside.sort(key=lambda each: each.number)
            prices = [each.price for each in inside if each.sets_prices]
            if prices:
                volume = sum((each.size for each in inside if each.conditions != "M"), Decimal(0))
                bars[symbol, OPENS + minute * MINUTE] = (prices[0], max(prices), min(prices), prices[-1], volume)
    return bars


@st.composite
def tapes(draw: st.DrawFn) -> list[TradePrint]:
    """Trades of two symbols over half an hour, with quiet minutes, in the order of trading."""
    made = []
    # Half of them around the end of a minute, where order matters.
    times = st.one_of(st.integers(0, 1_799_999), st.integers(55_000, 65_000))
    for symbol in ("QQQ", "SPY"):
        for number, at in enumerate(sorted(draw(st.lists(times, max_size=40, unique=True)))):
            official = draw(st.sampled_from([False, False, False, True]))
            made.append(
                trade(
                    at / 1000,
                    str(Decimal(draw(st.integers(1, 10**9))) / 10**4),
                    str(draw(st.integers(1, 10**6))),
                    number=number + 1,
                    symbol=symbol,
                    conditions="M" if official else "@",
                    sets_prices=not official and draw(st.booleans()),
                )
            )
    return sorted(made, key=lambda each: each.traded_at)


@settings(deadline=None, max_examples=50)
@given(tapes(), st.randoms(use_true_random=False))
def test_bars_when_trades_come_in_any_order_within_the_grace_then_they_are_a_plain_recomputation(
    tape: list[TradePrint], draw: random.Random
) -> None:
    # Each is late by less than the grace: so whoever overtakes it traded less than the grace after it.
    late = {id(each): draw.uniform(0, GRACE.total_seconds() * 0.99) for each in tape}
    arriving = sorted(tape, key=lambda each: each.traded_at.timestamp() + late[id(each)])
    bars = built(building(), arriving)
    assert {
        (bar.symbol, bar.starts_at): (bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars
    } == recomputed(tape)
    assert len({(bar.symbol, bar.starts_at) for bar in bars}) == len(bars)
    assert sorted(bars, key=lambda bar: (bar.starts_at, bar.symbol)) == sorted(
        built(building(), tape), key=lambda bar: (bar.starts_at, bar.symbol)
    )


def test_minute_when_the_clock_or_a_later_trade_says_that_it_is_over_then_its_bar_is_made_after_the_grace() -> None:
    builder = building()
    builder.take(trade(5))
    assert builder.completed(OPENS + MINUTE + GRACE - SECOND) == []
    builder.take(trade(69))
    assert builder.completed(OPENS) == []
    builder.take(trade(70))
    (bar,) = builder.completed(OPENS)
    assert (bar.starts_at, bar.ends_at, bar.volume, bar.feed) == (OPENS, OPENS + MINUTE, Decimal(7), "dxfeed")
    (bar,) = builder.completed(OPENS + 2 * MINUTE + GRACE)
    assert (bar.starts_at, bar.volume) == (OPENS + MINUTE, Decimal(14))
    assert builder.completed(OPENS + timedelta(hours=1)) == []


def test_minute_when_another_symbol_trades_later_then_it_is_not_over_for_this_one() -> None:
    builder = building()
    builder.take(trade(5))
    builder.take(trade(300, symbol="QQQ"))
    assert builder.completed(OPENS) == []


def test_trade_when_its_minute_was_given_out_then_it_is_a_finding_and_changes_nothing() -> None:
    builder = building()
    assert built(builder, [trade(5)])
    late = builder.take(trade(6, "101"))
    assert late is not None
    assert (late.symbol, late.feed, late.kind, late.at) == ("SPY", "dxfeed", "disorder", OPENS + 6 * SECOND)
    assert builder.completed(OPENS + timedelta(hours=8)) == []


def test_trades_when_the_building_begins_within_a_minute_then_that_minute_has_no_bar() -> None:
    builder = building(OPENS + SECOND)
    assert [bar.starts_at for bar in built(builder, [trade(5), trade(65)])] == [OPENS + MINUTE]


def test_feed_when_it_is_late_then_the_clock_waits_for_it() -> None:
    late = timedelta(seconds=900)
    builder = building(OPENS + late, 900)
    builder.take(trade(5))
    assert builder.completed(OPENS + MINUTE + late) == []
    assert len(builder.completed(OPENS + MINUTE + GRACE + late)) == 1


def test_trade_when_it_is_corrected_or_canceled_within_the_grace_then_the_last_word_counts_whichever_comes_first() -> (
    None
):
    told = [
        trade(1, "100", number=1),
        trade(2, "900", number=2),
        trade(2, "101", number=2, told="corrected"),
        trade(3, "5", number=3),
        trade(3, "5", number=3, told="canceled"),
    ]
    for order in (told, told[::-1]):
        (bar,) = built(building(), order)
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
            Decimal(100), Decimal(101), Decimal(100), Decimal(101), Decimal(14),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "volume"), [("@  W", "12"), ("@ TI", "12"), ("   M", "7"), ("   Q", "7"), ("   9", "7")]
)
def test_trade_when_the_tape_says_that_it_sets_no_price_then_it_may_add_volume_and_nothing_else(
    conditions: str, volume: str
) -> None:
    irregular = trade(2, "900", "5", conditions=conditions, sets_prices=False)
    (bar,) = built(building(), [trade(1), irregular])
    assert (bar.high, bar.close, bar.volume) == (Decimal("100.01"), Decimal("100.01"), Decimal(volume))
    assert built(building(), [irregular]) == []


def test_builder_when_bars_come_again_then_what_is_not_over_is_not_made() -> None:
    builder = building()
    builder.take(trade(5))
    builder.end()
    assert not builder.is_building
    builder.take(trade(6))
    assert builder.completed(OPENS + timedelta(hours=1)) == []
