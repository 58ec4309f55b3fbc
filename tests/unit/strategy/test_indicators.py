"""Window sums against the plain definition, and columns that never look ahead."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.strategy.bars import MISSING, IntArray
from functions.strategy.indicators import earlier, gains, losses, spread_of_means, window_sum

TICKS = st.lists(st.integers(1, 10**12), max_size=40)
WINDOWS = st.integers(1, 15)


def column(values: list[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


@given(TICKS, WINDOWS)
def test_window_sum_when_compared_with_the_definition_then_it_is_exact(values: list[int], count: int) -> None:
    expected = [sum(values[i + 1 - count : i + 1]) if i + 1 >= count else MISSING for i in range(len(values))]
    assert window_sum(column(values), count).tolist() == expected


def test_window_sum_when_the_running_total_passes_64_bits_then_it_is_still_exact() -> None:
    values = np.full(100, 2**62 // 3, dtype=np.int64)
    assert set(window_sum(values, 3)[2:].tolist()) == {3 * (2**62 // 3)}


@given(TICKS, WINDOWS)
def test_gains_and_losses_when_summed_then_they_are_the_moves(values: list[int], count: int) -> None:
    moves = [after - before for before, after in pairwise(values)]
    gained, lost = window_sum(gains(column(values)), count), window_sum(losses(column(values)), count)
    for i in range(len(values)):
        window = moves[i - count : i] if i >= count else None
        assert gained[i] == (MISSING if window is None else sum(move for move in window if move > 0))
        assert lost[i] == (MISSING if window is None else -sum(move for move in window if move < 0))


@given(TICKS, st.integers(0, 45))
def test_earlier_when_shifted_then_it_reads_backward_only(values: list[int], count: int) -> None:
    expected = [values[i - count] if i >= count else MISSING for i in range(len(values))]
    assert earlier(column(values), count).tolist() == expected


def test_spread_when_means_are_equal_then_it_is_exactly_zero() -> None:
    # A third does not exist in binary: divided means would differ in the last place.
    close = column([1, 1, 2, 1, 1, 2])
    fast, slow = window_sum(close, 3), window_sum(close, 6)
    assert spread_of_means(fast, 3, slow, 6).tolist() == [MISSING] * 5 + [0]


def test_columns_when_asked_for_the_impossible_then_they_refuse() -> None:
    with pytest.raises(BadInput, match="at least 1 bar"):
        window_sum(column([1]), 0)
    with pytest.raises(BadInput, match="backward"):
        earlier(column([1]), -1)
    with pytest.raises(BadInput, match="only at its beginning"):
        window_sum(column([1, MISSING, 1]), 2)
