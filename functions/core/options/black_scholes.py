"""European options by Black and Scholes, with Merton's continuous dividend yield.

F. Black, M. Scholes, "The Pricing of Options and Corporate Liabilities", Journal of Political Economy 81 (1973);
R. C. Merton, "Theory of Rational Option Pricing", Bell Journal of Economics 4 (1973).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from functions.core.instruments import OptionRight
from functions.core.options.time_left import DAYS_PER_YEAR
from functions.core.options.valuation import (
    PERCENT,
    Contracts,
    Floats,
    Rights,
    Valuation,
    Valuations,
    contracts,
)

_DENSITY = 1 / np.sqrt(2 * np.pi)


def values(
    right: Rights,
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike = 0.0,
) -> Valuations:
    """Value and greeks of contracts, which may differ in anything: the inputs are broadcast to one shape.

    NaN where spot, strike, time or volatility is missing or not above zero. Raises BadInput BAD_RIGHT.
    """
    with np.errstate(all="ignore"):
        found, sigma, shape = contracts(right, spot, strike, years, rate, dividend_yield, volatility)
        return _valued(found, sigma).shaped(shape)


def value(
    right: OptionRight,
    *,
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float,
    dividend_yield: float = 0.0,
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
    ).one()


def prices(found: Contracts, volatility: Floats) -> Floats:
    """Value alone: what the search for an implied volatility asks again and again."""
    parts = _parts(found, volatility)
    price: Floats = np.maximum(parts.held * parts.in_shares - parts.paid * parts.in_cash, 0.0)
    return price


@dataclass(frozen=True, slots=True)
class _Parts:
    """`held` is the spot less the dividends until expiry, `paid` the strike discounted; an option is worth `in_shares`
    of the one less `in_cash` of the other. `width` is the volatility over the whole time."""

    width: Floats
    d1: Floats
    held: Floats
    paid: Floats
    in_shares: Floats
    in_cash: Floats


def _parts(found: Contracts, volatility: Floats) -> _Parts:
    # scipy takes a while to import, and most functions never value an option.
    from scipy.special import ndtr

    width = volatility * np.sqrt(found.years)
    drift = (found.rate - found.dividend_yield + volatility * volatility / 2) * found.years
    d1 = (np.log(found.spot / found.strike) + drift) / np.where(width > 0, width, np.nan)
    return _Parts(
        width=width,
        d1=d1,
        held=found.spot * np.exp(-found.dividend_yield * found.years),
        paid=found.strike * np.exp(-found.rate * found.years),
        in_shares=found.sign * ndtr(found.sign * d1),
        in_cash=found.sign * ndtr(found.sign * (d1 - width)),
    )


def _valued(found: Contracts, volatility: Floats) -> Valuations:
    parts = _parts(found, volatility)
    root = np.sqrt(found.years)
    shares, cash = parts.held * parts.in_shares, parts.paid * parts.in_cash
    density = parts.held * np.exp(-parts.d1 * parts.d1 / 2) * _DENSITY
    decay = -density * volatility / (2 * root)
    return Valuations(
        price=np.maximum(shares - cash, 0.0),
        delta=np.exp(-found.dividend_yield * found.years) * parts.in_shares,
        gamma=density / (found.spot * found.spot * parts.width),
        theta=(decay - found.rate * cash + found.dividend_yield * shares) / DAYS_PER_YEAR,
        vega=density * root / PERCENT,
        rho=found.years * cash / PERCENT,
    )
