"""The volatility at which a model gives a price that was seen.

Found by T. R. Chandrupatla's method ("A new hybrid quadratic/bisection algorithm", Advances in Engineering Software 28,
1997) between two volatilities that enclose it, as scipy does it for all contracts at once. Where there is none the
answer is NaN: a price below what exercise brings or above what any volatility gives has no implied volatility.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from functions.core.options import binomial, black_scholes
from functions.core.options.valuation import Contracts, Floats, Rights, contracts

_NARROWEST, _WIDEST = 1e-6, 12.0
"""Volatility times the root of time. Wider, and a price differs from its upper bound by less than a float tells."""
_RESOLUTION = 1e-12
"""What time value must at least be, as a part of the price: less is rounding, and says nothing."""
_CLOSE_ENOUGH = 1e-10

_Prices = Callable[[Contracts, Floats], Floats]


def european(
    price: ArrayLike,
    right: Rights,
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
) -> Floats:
    """Volatility per year by Black and Scholes; the inputs are broadcast to one shape. Raises BadInput BAD_RIGHT.

    Of a contract in the money the search looks at the other right of the same strike, which parity gives: its price is
    time value alone.
    """
    with np.errstate(all="ignore"):
        found, paid, shape = contracts(right, spot, strike, years, rate, dividend_yield, price)
        carried = found.spot * np.exp(-found.dividend_yield * found.years)
        inside = found.sign * (carried - found.strike * np.exp(-found.rate * found.years))
        time_value = paid - np.maximum(inside, 0.0)
        time_value = np.where(time_value > _RESOLUTION * paid, time_value, np.nan)
        outside = found.with_sign(np.where(inside > 0, -found.sign, found.sign))
        least = np.full_like(paid, _NARROWEST)
        return _searched(black_scholes.prices, time_value, outside, least, np.full_like(paid, _WIDEST)).reshape(shape)


def american(
    price: ArrayLike,
    right: Rights,
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
    steps: int = binomial.STEPS,
) -> Floats:
    """As `european`, by the tree of `binomial`. Raises BadInput BAD_RIGHT, BAD_STEPS.

    Volatilities so low that the tree is not defined at them are not found.
    """

    def prices(found: Contracts, volatility: Floats) -> Floats:
        return binomial.prices(found, volatility, steps)

    with np.errstate(all="ignore"):
        found, paid, shape = contracts(right, spot, strike, years, rate, dividend_yield, price)
        exercised = np.maximum(found.sign * (found.spot - found.strike), 0.0)
        wanted = np.where(paid - exercised > _RESOLUTION * paid, paid, np.nan)
        least, most = binomial.widths(found, steps)
        return _searched(prices, wanted, found, np.maximum(least, _NARROWEST), np.minimum(most, _WIDEST)).reshape(shape)


def _searched(prices: _Prices, wanted: Floats, found: Contracts, least: Floats, most: Floats) -> Floats:
    from scipy.optimize.elementwise import find_root

    result = np.full_like(wanted, np.nan)
    defined = np.isfinite(wanted) & np.isfinite(found.spot) & np.isfinite(found.rate + found.dividend_yield)
    if not defined.any():
        return result
    rows = found.part(defined)
    root = np.sqrt(rows.years)

    def gap(width: Floats, price: Floats, *inputs: Floats) -> Floats:
        some = Contracts(*inputs)
        missing: Floats = prices(some, width / np.sqrt(some.years)) - price
        return missing

    answer = find_root(
        gap,
        (least[defined], most[defined]),
        args=(wanted[defined], *rows.inputs()),
        tolerances={"xrtol": _CLOSE_ENOUGH},
    )
    result[defined] = np.where(answer.success, answer.x / root, np.nan)
    return result
