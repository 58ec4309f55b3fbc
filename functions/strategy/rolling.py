"""Higher timeframes from minute bars, as the ledger rolls them up: anchored at the open, ended periods only."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from functions.core.errors import BadInput
from functions.strategy.bars import MISSING, TIMEFRAME_LENGTHS, Bars, Timeframe
from functions.strategy.runs import NANOSECONDS_PER_MINUTE, Runs


def rolled_up(minutes: Bars, timeframe: Timeframe) -> Bars:
    """Bars of `timeframe` from minute bars of regular sessions; those outside of one are left out.

    A period ends at its time, also where its last minute had no trade, and at the session's close at the latest; a day
    is one session. The newest is left out while it can still change. Raises BadInput WRONG_BARS where the bars are none
    of a minute.
    """
    if minutes.timeframe != "1Min":
        raise BadInput("WRONG_BARS", f"expected 1Min bars, was {minutes.timeframe} bars of {minutes.symbol}")
    if timeframe == "1Min":
        return minutes
    kept = np.flatnonzero(minutes.opens_at != MISSING)
    opens, closes = minutes.opens_at[kept], minutes.closes_at[kept]
    length = TIMEFRAME_LENGTHS[timeframe] // timedelta(minutes=1) * NANOSECONDS_PER_MINUTE
    number = (minutes.starts_at[kept] - opens) // length
    runs = Runs.where_equal(opens, number)
    first = runs.first
    last = np.append(first[1:], len(kept))[: len(first)] - 1
    ends_at = np.minimum(opens[first] + (number[first] + 1) * length, closes[first])
    rolled = Bars(
        minutes.symbol,
        timeframe,
        starts_at=opens[first] + number[first] * length,
        ends_at=ends_at,
        open=minutes.open[kept][first],
        high=runs.highest(minutes.high[kept])[first],
        low=runs.lowest(minutes.low[kept])[first],
        close=minutes.close[kept][last],
        volume=runs.total(minutes.volume[kept])[first],
        opens_at=opens[first],
        closes_at=closes[first],
    )
    return rolled.until(int(minutes.ends_at[-1])) if len(minutes) else rolled
