"""What option positions require, by the rules' own examples."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.options.margin import (
    NAKED_SHARE,
    NAKED_SHARE_OF_AN_INDEX,
    Holding,
    of_shares,
    requirement,
)
from functions.core.options.payoff import OptionUnits, profit

DAY = date(2018, 2, 16)
LATER = date(2018, 3, 16)


def option(right: OptionRight, strike: int, expiry: date = DAY) -> OptionSymbol:
    return OptionSymbol("SPY", expiry, right, Decimal(strike))


def holding(right: OptionRight, strike: int, quantity: int, expiry: date = DAY, mark: str = "1") -> Holding:
    return Holding(option(right, strike, expiry), Decimal(quantity), Decimal(mark))


@pytest.mark.parametrize(
    ("holdings", "required"),
    [
        ([("call", 100, 2)], 0),
        ([("call", 100, 1), ("call", 105, -1)], 0),
        ([("call", 105, 1), ("call", 100, -1)], 500),
        ([("put", 95, 2), ("put", 100, -2)], 1000),
        ([("put", 90, 1), ("put", 95, -1), ("call", 105, -1), ("call", 110, 1)], 500),
        ([("call", 95, 1), ("call", 100, -2), ("call", 105, 1)], 0),
        ([("put", 100, -1)], 10000),
    ],
)
def test_requirement_when_positions_are_spreads_then_it_is_their_largest_loss(
    holdings: list[tuple[OptionRight, int, int]], required: int
) -> None:
    found = requirement([holding(*one) for one in holdings], shares=Decimal(0), spot=Decimal(100), uncovered=False)
    assert found.amount == required


def test_requirement_when_a_long_expires_before_the_short_then_it_covers_nothing() -> None:
    near, far = holding("call", 100, 1), holding("call", 100, -1, LATER)
    found = requirement([near, far], shares=Decimal(0), spot=Decimal(100), uncovered=True)
    assert found.naked_calls == 1
    assert found.spreads == 0
    turned = requirement(
        [holding("call", 100, -1), holding("call", 100, 1, LATER)],
        shares=Decimal(0),
        spot=Decimal(100),
        uncovered=True,
    )
    assert turned.amount == 0
    assert turned.spreads == 1


def test_requirement_when_shares_cover_calls_then_they_are_locked_and_the_rest_is_naked() -> None:
    found = requirement([holding("call", 110, -3)], shares=Decimal(250), spot=Decimal(100), uncovered=True)
    assert found.covered == 200
    assert found.naked_calls == 1
    # The premium and the larger of 20 % less what it is out of the money, and 10 % of the stock.
    assert found.amount == 100 * (1 + max(Decimal(20) - 10, Decimal(10)))


@pytest.mark.parametrize(
    ("right", "strike", "spot", "mark", "share", "per_share"),
    [
        # By the rule's own formula: premium, and 20 % of the stock less what it is out of the money, or 10 %.
        ("put", 80, 80, "2", NAKED_SHARE, "18"),
        ("put", 75, 80, "1", NAKED_SHARE, "12"),
        ("put", 60, 80, "0.25", NAKED_SHARE, "6.25"),  # a put's least is of its strike
        ("call", 85, 80, "1", NAKED_SHARE, "12"),
        ("call", 110, 80, "0.25", NAKED_SHARE, "8.25"),
        ("call", 70, 80, "11", NAKED_SHARE, "27"),
        ("put", 80, 80, "2", NAKED_SHARE_OF_AN_INDEX, "14"),
    ],
)
def test_requirement_when_nothing_covers_a_short_then_it_is_the_rules_formula(
    right: OptionRight, strike: int, spot: int, mark: str, share: Decimal, per_share: str
) -> None:
    sold = holding(right, strike, -2, mark=mark)
    found = requirement([sold], shares=Decimal(0), spot=Decimal(spot), uncovered=True, naked_share=share)
    assert found.amount == 200 * Decimal(per_share)


def test_requirement_when_a_condor_has_two_expiries_then_each_side_can_lose() -> None:
    sides = [
        holding("put", 90, 1),
        holding("put", 95, -1),
        holding("call", 105, -1, LATER),
        holding("call", 110, 1, LATER),
    ]
    found = requirement(sides, shares=Decimal(0), spot=Decimal(100), uncovered=False)
    assert found.amount == 1000
    assert found.spreads == 2


@pytest.mark.parametrize("quantity", [10, -10])
def test_requirement_when_shares_are_entered_on_margin_then_half_their_value(quantity: int) -> None:
    assert of_shares(Decimal(quantity), Decimal("99.50")) == Decimal("497.5")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["call", "put"]), st.integers(90, 110), st.sampled_from([-2, -1, 1, 2])), max_size=5
    )
)
def test_requirement_when_any_options_of_one_expiry_then_no_price_loses_more_than_what_is_not_naked(
    held: list[tuple[OptionRight, int, int]],
) -> None:
    found = requirement([holding(*one) for one in held], shares=Decimal(0), spot=Decimal(100), uncovered=False)
    if found.naked_calls:
        return
    units = [OptionUnits.of(option(right, strike), Decimal(100 * quantity)) for right, strike, quantity in held]
    assert all(profit(units, Decimal(price)) >= -found.amount for price in range(0, 221, 5))
