"""What options can lose together, beside a calculation that tries every price of the underlying."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight
from functions.core.options.payoff import (
    Leg,
    OptionUnits,
    Shares,
    capital_at_work,
    largest_loss,
    profile,
    profit,
)

D = Decimal
JANUARY, FEBRUARY, MARCH = date(2026, 1, 16), date(2026, 2, 20), date(2026, 3, 20)
HIGHEST = 12


def units(right: OptionRight, strike: int, size: int, price: str = "0", expiry: date = JANUARY) -> OptionUnits:
    return OptionUnits("SPY", expiry, right, D(strike), D(size), D(price))


def worth(options: Sequence[OptionUnits], underlying: Decimal) -> Decimal:
    """At expiry, told a second time: a call is exercised above its strike, a put below."""
    total = D(0)
    for option in options:
        if option.right == "call" and underlying > option.strike:
            total += option.units * (underlying - option.strike)
        if option.right == "put" and underlying < option.strike:
            total += option.units * (option.strike - underlying)
    return total


def every_price(highest: int) -> list[Decimal]:
    return [D(step) / 4 for step in range(4 * highest + 1)]


SPREADS = st.lists(
    st.builds(
        units,
        st.sampled_from(["call", "put"]),
        st.integers(1, HIGHEST),
        st.integers(-3, 3).filter(bool),
        st.integers(1, 30).map(lambda price: str(D(price) / 10)),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(SPREADS)
def test_largest_loss_when_any_spread_of_one_expiry_then_as_every_price_of_the_underlying_tells(
    options: list[OptionUnits],
) -> None:
    found = largest_loss(options)
    if sum(option.units for option in options if option.right == "call") < 0:
        assert found is None
        assert worth(options, D(100_000)) < -80_000
    else:
        # Beyond the highest strike it only rises.
        assert found == -min(worth(options, price) for price in every_price(2 * HIGHEST))


@settings(max_examples=200, deadline=None)
@given(SPREADS)
def test_capital_when_any_spread_of_one_expiry_then_what_it_could_lose_from_its_price_on(
    options: list[OptionUnits],
) -> None:
    # The same contract has one price; what is bought and sold of it cancels out.
    prices = {(option.right, option.strike): option.price for option in options}
    options = [
        units(option.right, int(option.strike), int(option.units), str(prices[option.right, option.strike]))
        for option in options
    ]
    net: dict[tuple[OptionRight, Decimal], Decimal] = {}
    for option in options:
        net[option.right, option.strike] = net.get((option.right, option.strike), D(0)) + option.units
    open_strikes = [int(strike) for (_, strike), size in net.items() if size]
    value = sum((option.units * option.price for option in options), D(0))
    worst = min((worth(options, price) for price in every_price(2 * max(open_strikes, default=0))), default=D(0))
    assert capital_at_work(options) == max(value - worst, D(0))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, HIGHEST),
    st.integers(1, HIGHEST),
    st.sampled_from(["call", "put"]),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 20),
)
def test_largest_loss_when_what_is_held_outlives_what_is_sold_then_no_path_loses_more(
    sold: int, held: int, right: OptionRight, first: int, then: int, paid: int
) -> None:
    calendar = [units(right, sold, -1, expiry=JANUARY), units(right, held, 1, expiry=FEBRUARY)]
    bound = largest_loss(calendar)
    assert bound is not None
    # What is held is closed with what it covers, for no less than it is worth at that moment.
    assert D(paid) - worth(calendar, D(first)) <= bound + paid
    alone = largest_loss([units(right, held, 1, expiry=FEBRUARY)])
    assert alone == 0 <= worth(calendar[1:], D(then))


@pytest.mark.parametrize(
    ("options", "loss", "capital"),
    [
        ([units("call", 100, 100, "3"), units("call", 105, -100, "1")], "0", "200"),
        ([units("call", 100, -100, "3"), units("call", 105, 100, "1")], "500", "300"),
        ([units("put", 100, -100, "3")], "10000", "9700"),
        ([units("call", 100, -100, "3")], None, "9700"),
        ([units("call", 100, 100, "3")], "0", "300"),
        # A condor loses on one side only.
        (
            [
                units("put", 90, 100, "1"),
                units("put", 95, -100, "2"),
                units("call", 105, -100, "2"),
                units("call", 110, 100, "1"),
            ],
            "500",
            "300",
        ),
        # What is held and expires first covers nothing.
        ([units("call", 100, -100, "3", FEBRUARY), units("call", 100, 100, "2", JANUARY)], None, "9900"),
        # Of two expiries that it could cover it covers the last.
        (
            [units("put", 10, -1, "1", JANUARY), units("put", 10, -1, "2", FEBRUARY), units("put", 10, 1, "3", MARCH)],
            "10",
            "10",
        ),
    ],
)
def test_options_when_they_are_a_well_known_spread_then_the_number_is_the_textbooks(
    options: list[OptionUnits], loss: str | None, capital: str
) -> None:
    assert largest_loss(options) == (None if loss is None else D(loss))
    assert capital_at_work(options) == D(capital)


def test_options_when_of_another_root_then_they_cover_nothing() -> None:
    adjusted = OptionUnits("SPY1", JANUARY + timedelta(days=1), "call", D(100), D(100))
    assert largest_loss([units("call", 100, -100), adjusted]) is None


LEGS = st.tuples(SPREADS, st.integers(-3, 3), st.integers(0, 15)).map(
    lambda made: [*made[0], Shares("SPY", D(made[1]), D(made[2]))] if made[1] else list(made[0])
)


@settings(max_examples=100, deadline=None)
@given(LEGS)
def test_profile_when_any_legs_of_one_expiry_then_it_bounds_the_profit_at_every_price_and_is_reached(
    legs: list[Leg],
) -> None:
    found = profile(legs)
    near = [profit(legs, price) for price in every_price(2 * HIGHEST)]
    far = profit(legs, D(100_000))
    if found.largest_loss is None:
        assert far < -50_000
    else:
        assert found.largest_loss == max(-min(near), D(0))
        assert far >= -found.largest_loss
    if found.largest_gain is None:
        assert far > 50_000
    else:
        assert found.largest_gain == max(*near, D(0))
        assert far <= found.largest_gain


@settings(max_examples=100, deadline=None)
@given(LEGS)
def test_profile_when_any_legs_of_one_expiry_then_nothing_is_made_at_its_break_evens_and_signs_change_nowhere_else(
    legs: list[Leg],
) -> None:
    points = profile(legs).break_evens
    assert list(points) == sorted(set(points))
    for point in points:
        assert abs(profit(legs, point)) < D("0.000001")
    between: dict[int, set[int]] = {}
    for price in every_price(5 * HIGHEST):
        made = profit(legs, price)
        if price not in points:
            between.setdefault(bisect(points, price), set()).add((made > 0) - (made < 0))
    assert all(len(signs) == 1 for signs in between.values())


@pytest.mark.parametrize(
    ("legs", "loss", "gain", "break_evens"),
    [
        ([units("call", 100, 100, "3")], "300", None, ["103"]),
        ([units("put", 100, -100, "3")], "9700", "300", ["97"]),
        ([units("call", 100, -100, "3")], None, "300", ["103"]),
        ([units("call", 100, 100, "3"), units("call", 105, -100, "1")], "200", "300", ["102"]),
        (
            [
                units("put", 90, 100, "1"),
                units("put", 95, -100, "2"),
                units("call", 105, -100, "2"),
                units("call", 110, 100, "1"),
            ],
            "300",
            "200",
            ["93", "107"],
        ),
        ([units("call", 100, 100, "3"), units("put", 100, 100, "2")], "500", None, ["95", "105"]),
        # A covered call, and a collar.
        ([Shares("SPY", D(100), D(98)), units("call", 105, -100, "2")], "9600", "900", ["96"]),
        (
            [Shares("SPY", D(100), D(100)), units("call", 110, -100, "2"), units("put", 95, 100, "2")],
            "500",
            "1000",
            ["100"],
        ),
        ([Shares("SPY", D(-100), D(100))], None, "10000", ["100"]),
        # A ratio spread: a third is told to the ledger's last place.
        ([units("call", 100, 100, "0"), units("call", 101, -400, "0")], None, "100", ["100", "101.3333333333"]),
        # For nothing: it never loses, and wins from its strike on.
        ([units("call", 100, 100, "0")], "0", None, ["100"]),
    ],
)
def test_profile_when_legs_are_a_well_known_combination_then_the_numbers_are_the_textbooks(
    legs: list[Leg], loss: str | None, gain: str | None, break_evens: list[str]
) -> None:
    found = profile(legs)
    assert found.largest_loss == (None if loss is None else D(loss))
    assert found.largest_gain == (None if gain is None else D(gain))
    assert found.break_evens == tuple(map(D, break_evens))


@pytest.mark.parametrize(
    "legs",
    [
        [],
        [units("call", 100, 1), units("call", 100, 1, expiry=FEBRUARY)],
        [units("call", 100, 1), Shares("IWM", D(100))],
    ],
)
def test_profile_when_legs_do_not_end_together_then_it_is_refused(legs: list[Leg]) -> None:
    with pytest.raises(BadInput) as refused:
        profile(legs)
    assert refused.value.code == "MIXED_LEGS"


@pytest.mark.parametrize(
    ("legs", "loss"),
    [
        ([Shares("SPY", D(100)), units("call", 100, -100)], "0"),
        ([Shares("SPY", D(99)), units("call", 100, -100)], None),
        ([Shares("IWM", D(100)), units("call", 100, -100)], None),
        # Each share covers one call only, of whichever expiry.
        ([Shares("SPY", D(200)), units("call", 100, -100), units("call", 90, -100, expiry=FEBRUARY)], "0"),
        ([Shares("SPY", D(100)), units("call", 100, -100), units("call", 90, -100, expiry=FEBRUARY)], None),
        # The wheel with both sides on: the put can still be assigned.
        ([Shares("SPY", D(100)), units("call", 100, -100), units("put", 90, -100, expiry=FEBRUARY)], "9000"),
        ([Shares("SPY", D(-100)), units("call", 100, 100)], "10000"),
        ([Shares("SPY", D(-100))], None),
    ],
)
def test_largest_loss_when_shares_are_held_or_sold_short_then_they_cover_or_are_covered(
    legs: list[Leg], loss: str | None
) -> None:
    assert largest_loss(legs) == (None if loss is None else D(loss))
