"""The delta of an option by Black and Scholes, where the feed says none."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from math import isfinite

from functions.core.instruments import OptionRight
from functions.core.market_calendar import Session
from functions.core.money import rounded
from functions.core.options.time_left import years_between

_PLACES = 8


def model_delta(
    right: OptionRight, *, price: Decimal, spot: Decimal, strike: Decimal, at: datetime, expires_on: date
) -> Decimal | None:
    """The delta that an option's price has in it, without interest and dividends; None where the price has none."""
    # Here, because numpy is slow to import and few starts need it.
    from functions.core.options import black_scholes, implied

    terms = {
        "spot": float(spot),
        "strike": float(strike),
        "years": years_between(at, Session.in_new_york(expires_on).closes_at),
        "rate": 0.0,
    }
    volatility = float(implied.european(float(price), right, **terms))
    delta = black_scholes.value(right, volatility=volatility, **terms).delta
    return rounded(Decimal(repr(delta)), _PLACES) if isfinite(delta) else None
