"""The made path honours the day it is made from."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import BadInput
from local.tape.path import Day, make

ON = date(2018, 2, 5)


@st.composite
def days(draw: st.DrawFn) -> Day:
    low = draw(st.integers(1, 50_000))
    high = low + draw(st.integers(0, 3_000))
    inside = st.integers(low, high)
    return Day(
        open=draw(inside),
        high=high,
        low=low,
        close=draw(inside),
        volume=draw(st.integers(0, 10**10)),
        volatility=draw(st.floats(5, 90)),
    )


@given(days(), st.sampled_from([210, 390]), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_make_when_the_day_is_any_then_the_path_honours_it_exactly(day: Day, minutes: int, seed: int) -> None:
    path = make(day, minutes, seed=seed, symbol="SPY", on=ON)
    assert (path.price[0], path.price[-1]) == (day.open, day.close)
    assert (path.price.max(), path.price.min()) == (day.high, day.low)
    assert path.traded.sum() == day.volume
    assert path.traded.min() >= 0
    assert np.all(path.bid >= 1)
    assert np.all(path.bid < path.ask)
    assert np.all(path.bid <= path.price)
    assert np.all(path.price <= path.ask)
    assert min(path.bid_size.min(), path.ask_size.min()) >= 100
    assert len(path.price) == minutes * 4


def test_make_when_seed_symbol_or_date_differ_then_the_path_differs() -> None:
    day = Day(27411, 27634, 26382, 26489, 5_283_460_000, 37.32)
    path = make(day, 390, seed=7, symbol="SPY", on=ON).price
    assert np.array_equal(path, make(day, 390, seed=7, symbol="SPY", on=ON).price)
    for other in (
        make(day, 390, seed=8, symbol="SPY", on=ON),
        make(day, 390, seed=7, symbol="IWM", on=ON),
        make(day, 390, seed=7, symbol="SPY", on=date(2018, 2, 6)),
    ):
        assert not np.array_equal(path, other.price)


def test_make_when_volatility_is_high_then_the_path_is_rougher_and_the_spread_wider() -> None:
    calm = make(Day(27411, 27634, 26382, 26489, 10**9, 10.0), 390, seed=7, symbol="SPY", on=ON)
    wild = make(Day(27411, 27634, 26382, 26489, 10**9, 40.0), 390, seed=7, symbol="SPY", on=ON)
    assert np.abs(np.diff(wild.price)).sum() > 1.5 * np.abs(np.diff(calm.price)).sum()
    assert (wild.ask - wild.bid).mean() > (calm.ask - calm.bid).mean()


def test_make_when_volume_is_shared_out_then_both_ends_are_busier_than_noon() -> None:
    path = make(Day(27411, 27634, 26382, 26489, 10**9, 20.0), 390, seed=7, symbol="SPY", on=ON)
    third = len(path.traded) // 3
    noon = path.traded[third : 2 * third].sum()
    assert path.traded[:third].sum() > 1.5 * noon
    assert path.traded[-third:].sum() > 1.5 * noon


@pytest.mark.parametrize(
    "day",
    [
        Day(100, 90, 80, 85, 1, 10.0),
        Day(100, 110, 105, 107, 1, 10.0),
        Day(0, 110, 0, 107, 1, 10.0),
        Day(100, 110, 90, 95, -1, 10.0),
    ],
)
def test_make_when_the_day_cannot_be_then_it_is_refused(day: Day) -> None:
    with pytest.raises(BadInput, match="BAD_DAY"):
        make(day, 390, seed=7, symbol="SPY", on=ON)
