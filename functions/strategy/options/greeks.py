"""Greeks of contracts of which the feed does not say any."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isfinite

from functions.core.instruments import OptionSymbol
from functions.core.market_calendar import Calendar
from functions.core.money import rounded
from functions.core.options import black_scholes, implied
from functions.core.options.expiry import years_to_expiry
from functions.strategy.chain import Chain, ContractQuote

_PLACES = 8


def with_greeks(chain: Chain, rate: Decimal, calendar: Calendar, dividend_yield: Decimal = Decimal(0)) -> Chain:
    """The chain with greeks where the feed says no delta: by Black and Scholes, from the middle of bid and ask.

    `rate` and `dividend_yield` are fractions a year. What the feed says stays as it is, and `greeks_from` says whose
    word each is. A contract that nobody bids for has no middle, and a middle below what exercise brings has no implied
    volatility: there, and beyond the reach of the calendar, the greeks stay missing. Black and Scholes leave out that
    an option on shares may be exercised early, which is worth little where it is out of the money.
    """
    wanted = [quote for quote in chain.quotes if quote.delta is None and 0 < quote.bid <= quote.ask]
    # Beyond the calendar nobody knows when it expires, on which side of a holiday for one.
    lacking = [quote for quote in wanted if calendar.last_until(quote.expiry) is not None]
    if not lacking:
        return chain
    rights = [quote.right for quote in lacking]
    spot, carry = float(chain.spot), float(dividend_yield)
    strikes = [float(quote.strike) for quote in lacking]
    years = [years_to_expiry(OptionSymbol.parse(quote.symbol), chain.bar_at, calendar) for quote in lacking]
    volatility = implied.european(
        [float(quote.middle) for quote in lacking],
        rights,
        spot=spot,
        strike=strikes,
        years=years,
        rate=float(rate),
        dividend_yield=carry,
    )
    found = black_scholes.values(
        rights,
        spot=spot,
        strike=strikes,
        years=years,
        volatility=volatility,
        rate=float(rate),
        dividend_yield=carry,
    )
    computed = {
        quote.symbol: _computed(quote, sigma, one.delta, one.gamma, one.theta, one.vega)
        for quote, sigma, one in zip(lacking, volatility.tolist(), found.each(), strict=True)
    }
    return replace(chain, quotes=tuple(computed.get(quote.symbol, quote) for quote in chain.quotes))


def _computed(
    quote: ContractQuote, volatility: float, delta: float, gamma: float, theta: float, vega: float
) -> ContractQuote:
    numbers = (volatility, delta, gamma, theta, vega)
    if not all(isfinite(number) for number in numbers):
        return quote
    sigma, by_spot, by_move, by_day, by_point = (rounded(Decimal(repr(number)), _PLACES) for number in numbers)
    return replace(
        quote,
        implied_volatility=sigma,
        delta=by_spot,
        gamma=by_move,
        theta=by_day,
        vega=by_point,
        greeks_from="black_scholes",
    )
