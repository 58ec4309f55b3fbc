"""Option values and greeks by Black and Scholes, European exercise, no dividends.

Analytics are floats on purpose: a model's value has no exact form. `rounded` turns it into a price on the tick.
Prices per share of the underlying in its currency, rates and volatility per year as fractions, time in years.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import erf, exp, log, pi, sqrt

from functions.core.instruments import OptionRight, TickTable

_YEAR = timedelta(days=365)
_SHORTEST_YEARS = 1e-6
_DAYS_PER_YEAR = 365.0
_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Valuation:
    """`theta` per calendar day, `vega` and `rho` per percentage point."""

    price: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


def years_between(now: datetime, expires_at: datetime) -> float:
    """Time left in years of 365 days; never quite zero, so that every value is defined."""
    return max((expires_at - now) / _YEAR, _SHORTEST_YEARS)


def value(right: OptionRight, *, spot: float, strike: float, years: float, volatility: float, rate: float) -> Valuation:
    """The model's value and greeks. `spot`, `strike`, `years` and `volatility` must be above zero."""
    width = volatility * sqrt(years)
    d1 = (log(spot / strike) + (rate + volatility * volatility / 2) * years) / width
    d2 = d1 - width
    discounted = strike * exp(-rate * years)
    density = exp(-d1 * d1 / 2) / sqrt(2 * pi)
    gamma = density / (spot * width)
    vega = spot * density * sqrt(years)
    decay = -spot * density * volatility / (2 * sqrt(years))
    if right == "call":
        price = spot * _normal(d1) - discounted * _normal(d2)
        delta, carry, rho = _normal(d1), -rate * discounted * _normal(d2), years * discounted * _normal(d2)
    else:
        price = discounted * _normal(-d2) - spot * _normal(-d1)
        delta, carry, rho = _normal(d1) - 1, rate * discounted * _normal(-d2), -years * discounted * _normal(-d2)
    return Valuation(
        price=max(price, 0.0),
        delta=delta,
        gamma=gamma,
        theta=(decay + carry) / _DAYS_PER_YEAR,
        vega=vega / _PERCENT,
        rho=rho / _PERCENT,
    )


def quoted(price: float, ticks: TickTable, *, least_spread: int = 2, share: float = 0.01) -> tuple[Decimal, Decimal]:
    """Bid and ask around a model value, on the tick: `share` of the value apart, at least `least_spread` ticks.

    The bid is never below one tick: what is worth nothing can still be given away for it.
    """
    exact = Decimal(f"{price:.6f}")
    tick = ticks.at(exact)
    half = max(exact * Decimal(str(share)), tick * least_spread) / 2
    bid = max(_stepped(exact - half, tick, ROUND_FLOOR), tick)
    ask = max(_stepped(exact + half, ticks.at(exact + half), ROUND_CEILING), bid + ticks.at(bid))
    return bid, _stepped(ask, ticks.at(ask), ROUND_CEILING)


def _stepped(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).to_integral_value(rounding=rounding) * tick


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2
