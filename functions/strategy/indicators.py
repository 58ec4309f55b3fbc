"""Indicators on whole columns: causal, windowed, integers only.

A value at bar i depends on bars up to i and on a fixed number of them, so that one bar at a time, after a restart and
vectorised agree exactly. Where there are too few bars the value is MISSING; there is no NaN in an integer.
"""

from __future__ import annotations

import numpy as np

from functions.core.errors import BadInput
from functions.strategy.bars import MISSING, IntArray


def window_sum(values: IntArray, count: int) -> IntArray:
    """The sum of the newest `count` values at each place; MISSING until there are as many. Same shape as `values`.

    MISSING may only lead the column. Raises BadInput BAD_WINDOW where `count` is below 1.
    """
    if count < 1:
        raise BadInput("BAD_WINDOW", f"window must be at least 1 bar, was {count}", field="count")
    first = _leading_missing(values)
    result = np.full(len(values), MISSING, dtype=np.int64)
    if len(values) - first < count:
        return result
    # A running total that passes 64 bits wraps around, and the difference of two wrapped totals is still exact.
    total = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values[first:], dtype=np.int64)))
    result[first + count - 1 :] = total[count:] - total[:-count]
    return result


def earlier(values: IntArray, count: int) -> IntArray:
    """The column as it was `count` bars before each place; MISSING where there was no such bar."""
    if count < 0:
        raise BadInput("BAD_WINDOW", f"a column can only be read backward, was {count} bars", field="count")
    result = np.full(len(values), MISSING, dtype=np.int64)
    result[count:] = values[: max(0, len(values) - count)]
    return result


def gains(close: IntArray) -> IntArray:
    """The rise of each close over the one before it, 0 for a fall; the first is MISSING. In ticks."""
    return _moves(close, 1)


def losses(close: IntArray) -> IntArray:
    """The fall of each close under the one before it, as a positive number, 0 for a rise; the first is MISSING."""
    return _moves(close, -1)


def spread_of_means(fast_sum: IntArray, fast: int, slow_sum: IntArray, slow: int) -> IntArray:
    """Fast mean less slow mean, times fast x slow: the sign is exact, where two divided means could tie by rounding."""
    spread = fast_sum * slow - slow_sum * fast
    return np.where((fast_sum == MISSING) | (slow_sum == MISSING), MISSING, spread)


def _moves(close: IntArray, sign: int) -> IntArray:
    result = np.full(len(close), MISSING, dtype=np.int64)
    result[1:] = np.maximum(sign * np.diff(close), 0)
    return result


def _leading_missing(values: IntArray) -> int:
    present = values != MISSING
    first = int(np.argmax(present)) if present.any() else len(values)
    if not present[first:].all():
        raise BadInput("BAD_COLUMN", "a column may miss values only at its beginning")
    return first
