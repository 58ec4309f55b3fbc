"""American options by a binomial tree.

J. C. Cox, S. A. Ross, M. Rubinstein, "Option Pricing: A Simplified Approach", Journal of Financial Economics 7 (1979).
Steps up and down are of equal size in the logarithm, and the probability matches the drift of the logarithm, which is
what QuantLib calls "crr". Delta and gamma are read off the tree's first two steps (J. C. Hull, "Options, Futures and
Other Derivatives"), theta follows from them by the differential equation, vega and rho are differences of two trees.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight
from functions.core.options.time_left import DAYS_PER_YEAR
from functions.core.options.valuation import Contracts, Floats, Rights, Valuation, Valuations, contracts

STEPS = 200
_LEAST_STEPS = 2
_AT_ONCE = 1 << 17  # nodes worked on together: few enough for a processor's cache
_BUMP = 1e-3
_MARGIN = 1e-9


def values(
    right: Rights,
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
    steps: int = STEPS,
) -> Valuations:
    """Value and greeks of contracts, which may differ in anything: the inputs are broadcast to one shape.

    NaN where spot, strike, time or volatility is missing or not above zero, and where the volatility is so low beside
    the rate that a probability of the tree is none: more steps help. Raises BadInput BAD_RIGHT, BAD_STEPS.
    """
    with np.errstate(all="ignore"):
        found, sigma, shape = contracts(right, spot, strike, years, rate, dividend_yield, volatility)
        price, delta, gamma = _rolled_back(found, sigma, steps)
        theta = found.rate * price - (found.rate - found.dividend_yield) * found.spot * delta
        theta -= (sigma * found.spot) ** 2 * gamma / 2
        vega = prices(found, sigma + _BUMP, steps) - prices(found, sigma - _BUMP, steps)
        dearer, cheaper = replace(found, rate=found.rate + _BUMP), replace(found, rate=found.rate - _BUMP)
        rho = prices(dearer, sigma, steps) - prices(cheaper, sigma, steps)
        per_point = 0.01 / (2 * _BUMP)
        rows = (price, delta, gamma, theta / DAYS_PER_YEAR, vega * per_point, rho * per_point)
    return Valuations(*rows).shaped(shape)


def value(
    right: OptionRight,
    *,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float,
    dividend_yield: float = 0.0,
    steps: int = STEPS,
) -> Valuation:
    """As `values`, of one contract."""
    return values(
        right,
        spot=spot,
        strike=strike,
        years=years,
        volatility=volatility,
        rate=rate,
        dividend_yield=dividend_yield,
        steps=steps,
    ).one()


def prices(found: Contracts, volatility: Floats, steps: int = STEPS) -> Floats:
    """Value alone, of one row of contracts."""
    return _rolled_back(found, volatility, steps)[0]


def widths(found: Contracts, steps: int = STEPS) -> tuple[Floats, Floats]:
    """The least and the most volatility, times the root of time, at which the tree's probabilities are between 0 and 1:
    where the drift of a step, (rate - yield) t - width^2 / 2, is no larger than the step itself, width root(steps)."""
    drift = (found.rate - found.dividend_yield) * found.years
    root, apart = np.sqrt(steps), np.sqrt(steps + 2 * drift)
    return np.abs(apart - root) * (1 + _MARGIN), (apart + root) * (1 - _MARGIN)


def _rolled_back(found: Contracts, volatility: Floats, steps: int) -> tuple[Floats, Floats, Floats]:
    """Price, delta and gamma."""
    if steps < _LEAST_STEPS:
        raise BadInput("BAD_STEPS", f"a tree has at least {_LEAST_STEPS} steps, was {steps}", field="steps")
    size = max(_AT_ONCE // (2 * steps), 1)
    parts = [
        _tree(found.part(slice(start, start + size)), volatility[start : start + size], steps)
        for start in range(0, volatility.size, size)
    ]
    price, delta, gamma = (np.concatenate([part[which] for part in parts] or [np.empty(0)]) for which in range(3))
    return price, delta, gamma


def _tree(found: Contracts, volatility: Floats, steps: int) -> tuple[Floats, Floats, Floats]:
    """One column for each contract. Of step `i`, node `j` has seen `j` rises: the price that is 2j - i steps up."""
    step = found.years / steps
    width = volatility * np.sqrt(step)
    up = 0.5 + 0.5 * (found.rate - found.dividend_yield - volatility * volatility / 2) * step / width
    up = np.where((volatility > 0) & (up >= 0) & (up <= 1), up, np.nan)
    discount = np.exp(-found.rate * step)
    rise, fall = discount * up, discount * (1 - up)
    spots = found.spot * np.exp(np.arange(-steps, steps + 1)[:, None] * width)
    exercised = found.sign * (spots - found.strike)

    at: Floats = np.maximum(exercised[::2], 0.0)
    ahead = {}
    for i in range(steps - 1, -1, -1):
        at = np.maximum(rise * at[1:] + fall * at[:-1], exercised[steps - i : steps + i + 1 : 2])
        if i in (1, 2):
            ahead[i] = at
    if steps == _LEAST_STEPS:
        ahead[2] = np.maximum(exercised[::2], 0.0)
    one, two = ahead[1], ahead[2]
    down2, down1, here, up1, up2 = spots[steps - 2 : steps + 3]
    delta = (one[1] - one[0]) / (up1 - down1)
    upper, lower = (two[2] - two[1]) / (up2 - here), (two[1] - two[0]) / (here - down2)
    gamma = (upper - lower) / ((up2 - down2) / 2)
    return at[0], delta, gamma
