"""Made minute bars for proofs: a random walk in cents over sessions, the same for the same symbol and seed, always.

Some minutes are missing, prices tie often, and the last session but one is a half day. They say nothing of any market.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from zlib import crc32

import numpy as np

from functions.core.market_calendar import Session
from functions.strategy.bars import Bars, IntArray, to_nanoseconds
from functions.strategy.runs import NANOSECONDS_PER_MINUTE

_FIRST_DAY = date(2026, 1, 5)
_HALF_DAY_CLOSE = time(13)
_TICKS_PER_CENT = 100
_START_CENTS = 20_000
_LOWEST_CENTS = 100
_MISSING_SHARE = 0.02


def made_minutes(symbol: str, sessions: int, seed: int = 1) -> Bars:
    """The minute bars of so many sessions, at least two."""
    days = [_FIRST_DAY + timedelta(days=7 * (number // 5) + number % 5) for number in range(sessions)]
    made = [Session.in_new_york(day) for day in days]
    made[-2] = Session.in_new_york(days[-2], closes=_HALF_DAY_CLOSE)
    opens, closes = (
        np.array([to_nanoseconds(getattr(each, name)) for each in made], dtype=np.int64)
        for name in ("opens_at", "closes_at")
    )
    lengths = (closes - opens) // NANOSECONDS_PER_MINUTE
    minute = np.concatenate([np.arange(length, dtype=np.int64) for length in lengths])
    opens_at, closes_at = np.repeat(opens, lengths), np.repeat(closes, lengths)
    random = np.random.default_rng([seed, crc32(symbol.encode())])
    count = len(minute)
    close = np.maximum(_START_CENTS + np.cumsum(random.integers(-9, 10, count)), _LOWEST_CENTS)
    open_ = np.concatenate(([_START_CENTS], close[:-1])) + random.integers(-1, 2, count)
    high = np.maximum(open_, close) + random.integers(0, 4, count)
    low = np.minimum(open_, close) - random.integers(0, 4, count)
    kept = random.random(count) >= _MISSING_SHARE
    # The first minute is there, so that every symbol has a bar.
    kept[0] = True
    starts_at = opens_at + minute * NANOSECONDS_PER_MINUTE

    def column(values: IntArray) -> IntArray:
        return values[kept].astype(np.int64)

    return Bars(
        symbol,
        "1Min",
        starts_at=column(starts_at),
        ends_at=column(starts_at + NANOSECONDS_PER_MINUTE),
        open=column(open_ * _TICKS_PER_CENT),
        high=column(high * _TICKS_PER_CENT),
        low=column(low * _TICKS_PER_CENT),
        close=column(close * _TICKS_PER_CENT),
        volume=column(random.integers(1, 5_000, count)),
        opens_at=column(opens_at),
        closes_at=column(closes_at),
    )
