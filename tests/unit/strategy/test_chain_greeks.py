"""Greeks where the feed says none: from the middle, by Black and Scholes; what has no solution stays missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from functions.core.instruments import OptionRight
from functions.core.options import black_scholes
from functions.core.options.time_left import years_between
from functions.strategy.chain import Chain
from functions.strategy.options.greeks import with_greeks
from tests.unit.strategy.option_market import CALENDAR, FAR, FULL, Quoted, chain, name

D = Decimal
AT = FULL.opens_at
RATE = D("0.04")
YEARS = years_between(AT, CALENDAR.sessions[-1].closes_at)


def worth(strike: str, right: OptionRight, volatility: float) -> Decimal:
    found = black_scholes.value(right, spot=100, strike=float(strike), years=YEARS, volatility=volatility, rate=0.04)
    return D(repr(round(found.price, 8)))


def quoted(short: str, volatility: float = 0.2) -> Quoted:
    middle = worth(short[1:], "put" if short[0] == "P" else "call", volatility)
    return str(middle - D("0.01")), str(middle + D("0.01")), None


def seen(quotes: dict[str, Quoted], expiry: date = FAR) -> Chain:
    return with_greeks(chain(AT, quotes, expiry), RATE, CALENDAR)


@pytest.mark.parametrize("short", ["P95", "P105", "C95", "C105"])
def test_greeks_when_the_feed_says_none_then_they_are_those_of_the_middle(short: str) -> None:
    (found,) = seen({short: quoted(short, 0.25)}).quotes
    right: OptionRight = "put" if short[0] == "P" else "call"
    expected = black_scholes.value(right, spot=100, strike=float(short[1:]), years=YEARS, volatility=0.25, rate=0.04)
    assert found.implied_volatility is not None
    assert found.delta is not None
    assert float(found.implied_volatility) == pytest.approx(0.25, abs=1e-6)
    assert float(found.delta) == pytest.approx(expected.delta, abs=1e-6)
    assert float(found.vega or 0) == pytest.approx(expected.vega, abs=1e-6)
    assert float(found.theta or 0) == pytest.approx(expected.theta, abs=1e-6)
    assert float(found.gamma or 0) == pytest.approx(expected.gamma, abs=1e-6)
    assert found.greeks_from == "black_scholes"


def test_greeks_when_the_feed_says_a_delta_then_it_stays_as_it_is() -> None:
    given = chain(AT, {"P95": ("1.00", "1.10", "-0.30")})
    assert with_greeks(given, RATE, CALENDAR) is given
    both = seen({"P95": ("1.00", "1.10", "-0.30"), "C105": quoted("C105")})
    assert [(quote.delta == D("-0.30"), quote.greeks_from) for quote in both.quotes] == [
        (True, "feed"),
        (False, "black_scholes"),
    ]


@pytest.mark.parametrize(
    "quotes",
    [{"P80": ("0", "0.05", None)}, {"C90": ("8.00", "8.10", None)}, {"C90": ("100.5", "101.5", None)}],
    ids=["nobody bids", "below what exercise brings", "above the underlying"],
)
def test_greeks_when_the_price_has_no_volatility_then_they_stay_missing(quotes: dict[str, Quoted]) -> None:
    (found,) = seen(quotes).quotes
    assert (found.delta, found.implied_volatility, found.greeks_from) == (None, None, "feed")


def test_greeks_when_the_calendar_does_not_reach_the_expiry_then_those_alone_stay_missing() -> None:
    far = chain(AT, {"P95": quoted("P95")}, date(2027, 2, 19))
    both = replace(far, quotes=(*far.quotes, *chain(AT, {"C105": quoted("C105")}).quotes))
    found = with_greeks(both, RATE, CALENDAR)
    assert [quote.delta is None for quote in found.quotes] == [True, False]
    assert found.quote(name("C105")).greeks_from == "black_scholes"
