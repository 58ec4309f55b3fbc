"""What holds of any model's values: parity, order, bounds, and one contract at a time or all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, fields
from math import exp, inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight
from functions.core.options import binomial, black_scholes, implied
from functions.core.options.valuation import Valuation, Valuations

STEPS = 50
MODELS: list[Callable[..., Valuations]] = [
    black_scholes.values,
    lambda right, **inputs: binomial.values(right, steps=STEPS, **inputs),
]
Market = tuple[float, float, float, float, float, float]
MARKETS = st.tuples(
    st.floats(20, 400),
    st.floats(0.6, 1.6),
    st.floats(0.002, 2.0),
    st.floats(0.06, 0.9),
    st.floats(-0.01, 0.08),
    st.floats(0.0, 0.06),
)
CHAIN = {
    "spot": 100.0,
    "strike": np.array([[70.0], [100.0], [130.0]]),
    "years": np.array([0.01, 0.1, 0.5, 2.0]),
    "volatility": 0.25,
    "rate": 0.04,
    "dividend_yield": 0.01,
}


def named(market: Market) -> dict[str, float]:
    spot, moneyness, years, volatility, rate, dividend_yield = market
    return {
        "spot": spot,
        "strike": spot * moneyness,
        "years": years,
        "volatility": volatility,
        "rate": rate,
        "dividend_yield": dividend_yield,
    }


@settings(deadline=None)
@given(MARKETS)
def test_values_when_european_then_call_and_put_of_one_strike_keep_parity(market: Market) -> None:
    inputs = named(market)
    found = black_scholes.values(["call", "put"], **inputs)
    spot, years = inputs["spot"], inputs["years"]
    held = spot * exp(-inputs["dividend_yield"] * years)
    paid = inputs["strike"] * exp(-inputs["rate"] * years)
    assert found.price[0] - found.price[1] == pytest.approx(held - paid, abs=1e-9 * spot)
    assert found.delta[0] - found.delta[1] == pytest.approx(held / spot, abs=1e-12)
    assert found.gamma[0] == found.gamma[1]
    assert found.vega[0] == found.vega[1]


@settings(deadline=None, max_examples=40)
@given(MARKETS)
def test_values_when_exercise_is_allowed_at_any_time_then_no_less_than_at_expiry_alone_or_at_once(
    market: Market,
) -> None:
    inputs = named(market)
    european = black_scholes.values(["call", "put"], **inputs).price
    # Of a tree as coarse as this the error is some hundredths of a volatility's step.
    coarse = inputs["spot"] * inputs["volatility"] * inputs["years"] ** 0.5 / STEPS
    american = binomial.values(["call", "put"], steps=STEPS, **inputs).price
    if np.isnan(american).any():
        return
    assert (american >= european - coarse).all()
    gap = inputs["spot"] - inputs["strike"]
    assert (american >= np.maximum([gap, -gap], 0)).all()


@pytest.mark.parametrize("model", MODELS)
@settings(deadline=None, max_examples=40)
@given(market=MARKETS)
def test_values_when_strike_or_volatility_rises_then_they_move_one_way(
    model: Callable[..., Valuations], market: Market
) -> None:
    inputs = named(market)
    strikes = inputs["strike"] * np.linspace(0.8, 1.2, 9)
    calls = model("call", **inputs | {"strike": strikes}).price
    puts = model("put", **inputs | {"strike": strikes}).price
    least = 1e-9 * inputs["spot"]
    assert not (np.diff(calls) > least).any()
    assert not (np.diff(puts) < -least).any()
    wider = black_scholes.values("put", **inputs | {"volatility": inputs["volatility"] * np.linspace(0.5, 2, 9)}).price
    assert not (np.diff(wider) < -least).any()


@pytest.mark.parametrize("model", MODELS)
def test_values_when_a_chain_is_valued_at_once_then_as_one_by_one(model: Callable[..., Valuations]) -> None:
    rights: list[OptionRight] = ["call", "put"]
    found = model(np.array(rights)[:, None, None], **CHAIN)
    assert found.price.shape == (2, 3, 4)
    for where in np.ndindex(2, 3, 4):
        one = {
            name: np.broadcast_to(number, (3, 4))[where[1:]] if isinstance(number, np.ndarray) else number
            for name, number in CHAIN.items()
        }
        alone = model(rights[where[0]], **one).one()
        together = Valuation(*(float(getattr(found, field.name)[where]) for field in fields(found)))
        assert astuple(together) == astuple(alone)


@pytest.mark.parametrize("model", MODELS)
def test_values_when_an_input_is_missing_or_not_above_zero_then_that_contract_alone_is_missing(
    model: Callable[..., Valuations],
) -> None:
    for name in ("spot", "strike", "years", "volatility"):
        for bad in (nan, 0.0, -1.0):
            inputs = {"spot": 100.0, "strike": 100.0, "years": 0.1, "volatility": 0.2, "rate": 0.02}
            found = model("call", **inputs | {name: np.array([inputs[name], bad])})
            for field in fields(found):
                assert np.isnan(getattr(found, field.name)).tolist() == [False, True], (name, bad, field.name)
    assert np.isnan(model("call", spot=100, strike=100, years=1, volatility=0.2, rate=nan).price)


def test_values_when_a_right_is_no_right_then_it_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        black_scholes.values(["call", "C"], spot=1, strike=1, years=1, volatility=1, rate=0)  # type: ignore[list-item]
    assert refused.value.code == "BAD_RIGHT"


def test_values_when_a_tree_has_one_step_then_it_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        binomial.values("call", spot=1, strike=1, years=1, volatility=1, rate=0, steps=1)
    assert refused.value.code == "BAD_STEPS"


def test_values_when_the_tree_is_too_coarse_for_the_rate_then_they_are_missing() -> None:
    inputs = {"spot": 100, "strike": 100, "years": 1.0, "volatility": 0.01, "rate": 0.5}
    assert np.isnan(binomial.values("call", steps=10, **inputs).price)
    assert np.isfinite(binomial.values("call", steps=5000, **inputs).price)


@settings(deadline=None)
@given(MARKETS, st.sampled_from(["call", "put"]))
def test_implied_volatility_when_the_price_is_a_models_then_it_gives_the_price_again(
    market: Market, right: OptionRight
) -> None:
    inputs = named(market)
    volatility = inputs.pop("volatility")
    price = black_scholes.values(right, volatility=volatility, **inputs).price
    found = implied.european(price, right, **inputs)
    if np.isnan(found):
        # There is no time value that a float could tell.
        vega = black_scholes.values(right, volatility=volatility, **inputs).vega
        assert vega < 1e-9 * inputs["spot"]
    else:
        again = black_scholes.values(right, volatility=found, **inputs).price
        assert again == pytest.approx(price, abs=1e-9 * inputs["spot"])


@pytest.mark.parametrize("search", [implied.european, implied.american])
@pytest.mark.parametrize(
    ("right", "price"),
    [
        ("call", nan),
        ("call", 0.0),
        ("call", -1.0),
        ("call", inf),
        ("call", 9.99),  # below what exercise brings
        ("call", 10.0),  # what it brings: any volatility that is low enough
        ("call", 10.000000000000002),  # and rounding
        ("call", 110.0),  # a call is never worth its underlying
        ("call", 111.0),
        ("put", 101.0),  # nor a put more than its strike
    ],
)
def test_implied_volatility_when_no_volatility_gives_the_price_then_it_is_missing_and_the_others_are_not(
    search: Callable[..., np.ndarray], right: OptionRight, price: float
) -> None:
    found = search([price, 15.0], right, spot=110, strike=100, years=1.0, rate=0.0)
    assert np.isnan(found).tolist() == [True, False]


@pytest.mark.parametrize("search", [implied.european, implied.american])
def test_implied_volatility_when_nothing_is_asked_then_nothing_is_answered(search: Callable[..., np.ndarray]) -> None:
    assert search([], "call", spot=110, strike=100, years=1.0, rate=0.0).shape == (0,)
    assert search([nan], "call", spot=110, strike=100, years=1.0, rate=0.0).shape == (1,)


def test_implied_volatility_when_an_american_put_is_worth_its_exercise_then_it_is_missing() -> None:
    # At every volatility that is low enough it is exercised at once.
    found = implied.american([20.0, 20.5], "put", spot=80, strike=100, years=1.0, rate=0.05)
    assert np.isnan(found).tolist() == [True, False]
