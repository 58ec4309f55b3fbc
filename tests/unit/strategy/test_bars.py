"""Bars become exact integers, or are refused with the bar and the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.events import BarData
from functions.strategy.bars import Bars, to_datetime, to_nanoseconds, to_price, to_ticks
from tests.unit.strategy.hand_made import minute_rows

D = Decimal


def test_bars_when_made_from_rows_then_prices_are_ticks_and_times_are_exact() -> None:
    stored = minute_rows(["100.25", "0.0001"])
    bars = Bars.of("SPY", "1Min", stored)
    assert bars.close.tolist() == [1_002_500, 1]
    assert bars.close.dtype == np.int64
    assert (bars.bar(0).starts_at, bars.bar(0).ends_at) == (stored[0].starts_at, stored[0].ends_at)
    assert bars.bar(1).volume == 1000


def test_bars_when_made_from_bar_events_then_they_fit() -> None:
    at = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    data = BarData(
        symbol="SPY", timeframe="1Min", starts_at=at, ends_at=at + timedelta(minutes=1),
        open=D(1), high=D(2), low=D(1), close=D(2), volume=D("10.5"), feed="iex",
    )  # fmt: skip
    assert Bars.of("SPY", "1Min", [data]).volume.tolist() == [11]


@given(st.integers(1, 10**12))
def test_ticks_when_turned_into_a_price_and_back_then_they_are_the_same(ticks: int) -> None:
    assert to_ticks(to_price(ticks)) == ticks


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_times_when_turned_into_nanoseconds_and_back_then_they_are_the_same(at: datetime) -> None:
    assert to_datetime(to_nanoseconds(at)) == at


def test_ticks_when_the_print_is_finer_then_it_is_rounded_half_away() -> None:
    assert to_ticks(D("100.00005")) == 1_000_001
    assert to_ticks(D("100.000049999")) == 1_000_000


@pytest.mark.parametrize("price", ["NaN", "Infinity", "-1", "0", "0.00001", "100000000.01"])
def test_ticks_when_there_is_no_price_then_it_is_refused(price: str) -> None:
    with pytest.raises(BadInput) as refused:
        to_ticks(D(price))
    assert refused.value.code == "BAD_BAR"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda stored: [stored[1], stored[0]],
        lambda stored: [stored[0], stored[0]],
        lambda stored: [replace(stored[0], ends_at=stored[0].ends_at + timedelta(seconds=1)), stored[1]],
        lambda stored: [replace(stored[0], ends_at=stored[0].starts_at)],
        lambda stored: [replace(stored[0], high=D(1))],
        lambda stored: [replace(stored[0], low=D(1000))],
        lambda stored: [replace(stored[0], close=D("NaN"))],
        lambda stored: [replace(stored[0], open=D(-1))],
        lambda stored: [replace(stored[0], volume=D(-1))],
        lambda stored: [replace(stored[0], volume=D("NaN"))],
        lambda stored: [replace(stored[0], starts_at=stored[0].starts_at.replace(tzinfo=None))],
    ],
    ids=["order", "double", "overlap", "no length", "high", "low", "nan", "negative", "volume", "no volume", "naive"],
)
def test_bars_when_a_row_is_malformed_then_they_are_refused_by_name(spoil: Callable[[list[Any]], list[Any]]) -> None:
    with pytest.raises(BadInput) as refused:
        Bars.of("SPY", "1Min", spoil(minute_rows([100, 101])))
    assert refused.value.code in ("BAD_BAR", "BAD_BARS")
    assert "SPY" in refused.value.text


def test_bars_when_minutes_without_a_trade_are_missing_then_they_are_fine() -> None:
    stored = minute_rows([100, 101, 102, 103])
    assert len(Bars.of("SPY", "1Min", [stored[0], stored[3]])) == 2


def test_bars_when_columns_do_not_fit_then_they_are_refused() -> None:
    good = Bars.of("SPY", "1Min", minute_rows([100, 101]))
    with pytest.raises(BadInput, match="close must be int64"):
        replace(good, close=good.close.astype(np.float64))
    with pytest.raises(BadInput, match="volume must be int64"):
        replace(good, volume=good.volume[:1])
    with pytest.raises(BadInput, match="100 million"):
        replace(good, high=good.high * 1_000_000)


def test_bars_when_written_to_then_they_refuse() -> None:
    bars = Bars.of("SPY", "1Min", minute_rows([100, 101]))
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1
