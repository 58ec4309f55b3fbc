"""Values, greeks and implied volatilities beside QuantLib's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from itertools import product

import numpy as np
import pytest

from functions.core.instruments import OptionRight
from functions.core.options import binomial, black_scholes, implied
from functions.core.options.valuation import Valuations
from tests.unit.options import quantlib_side
from tests.unit.options.quantlib_side import Case

RELATIVE = 1e-6
FLOOR = 1e-10
"""Below it two ways to add up the same floats differ: of a price near 100, a hundred-thousandth of its last digits."""
STEPS = 101
MATERIAL = 1e-3
"""A vega, dollars per percentage point at a spot of 100, below which a price says little about volatility."""

RIGHTS: tuple[OptionRight, ...] = ("call", "put")
EUROPEAN = [
    Case(*one)
    for one in product(
        RIGHTS,
        (40.0, 80.0, 95.0, 100.0, 105.0, 125.0, 250.0),
        (1, 7, 45, 365, 1500),
        (0.05, 0.2, 0.9),
        (-0.01, 0.0, 0.055),
        (0.0, 0.03),
    )
]
AMERICAN = [
    Case(*one)
    for one in product(RIGHTS, (80.0, 100.0, 103.0, 130.0), (1, 30, 400), (0.12, 0.6), (0.0, 0.055), (0.0, 0.08))
]


def column(cases: Iterable[Case], name: str) -> np.ndarray:
    return np.array([getattr(case, name) for case in cases])


def inputs(cases: list[Case]) -> dict[str, np.ndarray]:
    return {name: column(cases, name) for name in ("spot", "strike", "years", "rate", "dividend_yield")}


def rows(found: Valuations) -> np.ndarray:
    return np.array(astuple(found)).T


def agree(ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=RELATIVE, atol=FLOOR)


def test_european_when_beside_quantlib_then_price_and_every_greek_agree() -> None:
    found = black_scholes.values(
        column(EUROPEAN, "right"), volatility=column(EUROPEAN, "volatility"), **inputs(EUROPEAN)
    )
    agree(rows(found), np.array([astuple(quantlib_side.european(case)) for case in EUROPEAN]))


def test_american_when_beside_quantlibs_tree_of_as_many_steps_then_price_and_greeks_agree() -> None:
    found = binomial.values(
        column(AMERICAN, "right"), volatility=column(AMERICAN, "volatility"), steps=STEPS, **inputs(AMERICAN)
    )
    agree(rows(found)[:, :4], np.array([quantlib_side.american(case, STEPS) for case in AMERICAN]))


@pytest.mark.parametrize("steps", [2, 3, 50, 400])
def test_american_when_the_tree_has_few_or_many_steps_then_it_is_still_quantlibs(steps: int) -> None:
    case = Case("put", 105.0, 90, 0.3, 0.04, 0.01)
    found = binomial.values(column([case], "right"), volatility=case.volatility, steps=steps, **inputs([case]))
    agree(rows(found)[0, :4], np.array(quantlib_side.american(case, steps)))


def test_american_when_volatility_or_rate_moves_then_vega_and_rho_are_what_quantlibs_prices_change_by() -> None:
    case, step = Case("put", 105.0, 200, 0.3, 0.04, 0.01), 1e-3
    found = binomial.values(column([case], "right"), volatility=case.volatility, steps=STEPS, **inputs([case])).one()

    def price(volatility: float, rate: float) -> float:
        return quantlib_side.american(Case("put", 105.0, 200, volatility, rate, 0.01), STEPS)[0]

    vega = (price(0.3 + step, 0.04) - price(0.3 - step, 0.04)) / (2 * step) / 100
    rho = (price(0.3, 0.04 + step) - price(0.3, 0.04 - step)) / (2 * step) / 100
    assert found.vega == pytest.approx(vega, rel=RELATIVE)
    assert found.rho == pytest.approx(rho, rel=RELATIVE)


def test_implied_volatility_when_european_and_vega_is_material_then_it_is_quantlibs() -> None:
    priced = [(case, quantlib_side.european(case)) for case in EUROPEAN]
    material = [(case, found) for case, found in priced if found.vega > MATERIAL]
    cases = [case for case, _ in material]
    assert len(cases) > len(EUROPEAN) / 2
    ours = implied.european([found.price for _, found in material], column(cases, "right"), **inputs(cases))
    np.testing.assert_allclose(ours, column(cases, "volatility"), rtol=RELATIVE)
    some = material[::25]
    theirs = [quantlib_side.implied_volatility(case, found.price, None) for case, found in some]
    np.testing.assert_allclose(ours[::25], theirs, rtol=RELATIVE)


def test_implied_volatility_when_american_and_vega_is_material_then_it_is_that_of_quantlibs_tree() -> None:
    vega = binomial.values(
        column(AMERICAN, "right"), volatility=column(AMERICAN, "volatility"), steps=STEPS, **inputs(AMERICAN)
    ).vega
    cases = [case for case, one in zip(AMERICAN, vega, strict=True) if one > MATERIAL]
    assert len(cases) > len(AMERICAN) / 2
    prices = [quantlib_side.american(case, STEPS)[0] for case in cases]
    ours = implied.american(prices, column(cases, "right"), steps=STEPS, **inputs(cases))
    np.testing.assert_allclose(ours, column(cases, "volatility"), rtol=RELATIVE)
    theirs = [
        quantlib_side.implied_volatility(case, price, STEPS)
        for case, price in list(zip(cases, prices, strict=True))[::20]
    ]
    np.testing.assert_allclose(ours[::20], theirs, rtol=RELATIVE)
