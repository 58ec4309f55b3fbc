"""What options can lose together, beside a calculation that tries every price of the underlying."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.instruments import OptionRight
from functions.risk.option_payoff import OptionUnits, capital_at_work, largest_loss

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
