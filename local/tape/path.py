"""Making a minute path through a real day's open, high, low and close.

The path is a chain of Brownian bridges through four anchors (open, high, low, close; the order of the extremes is
drawn, weighted by the day's direction), its roughness set by that day's volatility, folded back into the day's range
and rounded to whole cents. So the first point is the day's open, the last its close, the highest its high and the
lowest its low, exactly. Everything is drawn from one seeded generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from functions.core.errors import BadInput
from local.tape.model import POINTS_PER_MINUTE

_TRADING_DAYS = 252.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Day:
    """A real day: prices in cents, volume in shares, volatility in percent per year."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    volatility: float


@dataclass(frozen=True, slots=True)
class Path:
    """Four points per minute: prices and quotes in cents, sizes in shares; every array has the same length."""

    price: Ints
    traded: Ints
    bid: Ints
    ask: Ints
    bid_size: Ints
    ask_size: Ints


def make(day: Day, minutes: int, *, seed: int, symbol: str, on: date) -> Path:
    """The path of one session: the same seed, symbol and date give the same path.

    Raises BadInput BAD_DAY where low <= open, close <= high does not hold, or the prices or the volume make no sense.
    """
    if not 0 < day.low <= min(day.open, day.close) <= max(day.open, day.close) <= day.high or day.volume < 0:
        raise BadInput(
            "BAD_DAY",
            f"expected 0 < low <= open, close <= high and volume >= 0 on {on}, "
            f"was o={day.open} h={day.high} l={day.low} c={day.close} v={day.volume}",
        )
    entropy = [seed, int.from_bytes(symbol.encode(), "big"), on.toordinal()]
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
    count = minutes * POINTS_PER_MINUTE
    price = _prices(day, count, generator)
    spread = 1 + generator.poisson(max(0.0, (day.volatility - 12.0) / 20.0), count).astype(np.int64)
    bid = np.maximum(price - generator.integers(0, spread + 1), 1)
    mean_lots = float(np.clip(400.0 / day.volatility, 4.0, 40.0))
    return Path(
        price=price,
        traded=_volumes(day.volume, count, generator),
        bid=bid,
        ask=np.maximum(bid + spread, price),
        bid_size=100 * generator.geometric(1.0 / mean_lots, count).astype(np.int64),
        ask_size=100 * generator.geometric(1.0 / mean_lots, count).astype(np.int64),
    )


def _u_shape(count: int) -> Floats:
    """Busy at both ends of the session, quiet at noon."""
    x = np.linspace(-1.0, 1.0, count)
    return 0.5 + 1.5 * x * x


def _prices(day: Day, count: int, generator: np.random.Generator) -> Ints:
    anchors = _anchors(day, count, generator)
    variance = _u_shape(count)
    variance[0] = 0.0
    elapsed = np.cumsum(variance) / variance.sum()
    daily = day.open * day.volatility / 100.0 / np.sqrt(_TRADING_DAYS)
    walk = np.cumsum(generator.standard_normal(count) * np.sqrt(variance / variance.sum())) * daily
    price = np.empty(count)
    for (start, from_price), (end, to_price) in pairwise(anchors):
        here = slice(start, end + 1)
        share = (elapsed[here] - elapsed[start]) / (elapsed[end] - elapsed[start])
        price[here] = (
            from_price + share * (to_price - from_price) + walk[here] - walk[start] - share * (walk[end] - walk[start])
        )
    reach = day.high - day.low
    if reach:
        phase = np.mod(price - day.low, 2.0 * reach)
        price = day.low + np.minimum(phase, 2.0 * reach - phase)
    else:
        price = np.full(count, float(day.low))
    whole: Ints = np.clip(np.rint(price).astype(np.int64), day.low, day.high)
    for index, exact in anchors:
        whole[index] = exact
    return whole


def _anchors(day: Day, count: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Where the path must be: (point, cents), in order, first and last point included."""
    reach = day.high - day.low
    # Extremes like the ends of a session, as they do in real markets.
    first, second = sorted(1 + int(x * (count - 3)) for x in generator.beta(0.6, 0.6, 2))
    if first == second:
        second += 1
    downward = 0.5 + 0.35 * (day.open - day.close) / reach if reach else 0.5
    high_at, low_at = (first, second) if generator.random() < downward else (second, first)
    anchors = {0: day.open, count - 1: day.close}
    if day.high not in (day.open, day.close):
        anchors[high_at] = day.high
    if day.low not in (day.open, day.close):
        anchors[low_at] = day.low
    return sorted(anchors.items())


def _volumes(volume: int, count: int, generator: np.random.Generator) -> Ints:
    """Whole shares per point, U-shaped and uneven, that add up to the day's volume."""
    weight = _u_shape(count) * generator.gamma(4.0, 0.25, count)
    steps = np.floor(np.cumsum(weight) / weight.sum() * volume).astype(np.int64)
    steps[-1] = volume
    sizes: Ints = np.diff(steps, prepend=0)
    return sizes
