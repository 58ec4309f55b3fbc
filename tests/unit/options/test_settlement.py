"""What expiry does to a holding, delivered or paid out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.options.margin import Holding
from functions.core.options.payoff import intrinsic
from functions.core.options.settlement import at_expiry

DAY = date(2018, 2, 16)
LATER = date(2018, 3, 16)


def option(right: OptionRight, strike: int, expiry: date = DAY) -> OptionSymbol:
    return OptionSymbol("SPY", expiry, right, Decimal(strike))


def holding(right: OptionRight, strike: int, quantity: int, expiry: date = DAY, mark: str = "1") -> Holding:
    return Holding(option(right, strike, expiry), Decimal(quantity), Decimal(mark))


@given(st.sampled_from(["call", "put"]), st.integers(-9, 9).filter(bool), st.integers(1, 20000), st.integers(50, 150))
def test_expiry_when_anything_is_held_then_nothing_but_its_worth_changes_hands(
    right: OptionRight, quantity: int, cents: int, strike: int
) -> None:
    contract, spot = option(right, strike), Decimal(cents) / 100
    done = at_expiry(contract, Decimal(quantity), spot, on=DAY)
    worth = intrinsic(contract, spot) * quantity * 100
    assert done.contracts == -quantity
    assert done.cash + done.shares * spot == (worth if done.kind != "expiry" else 0)
    assert (done.kind == "expiry") == (worth == 0)
    assert done.kind != ("assignment" if quantity > 0 else "exercise")


def test_expiry_when_it_is_before_the_day_or_not_whole_then_it_is_refused() -> None:
    for quantity, day in ((Decimal(1), date(2018, 2, 15)), (Decimal("0.5"), DAY)):
        with pytest.raises(BadInput):
            at_expiry(option("call", 100), quantity, Decimal(110), on=day)


@given(st.sampled_from(["call", "put"]), st.integers(-9, 9).filter(bool), st.integers(1, 20000), st.integers(50, 150))
def test_expiry_when_settled_in_cash_then_the_worth_is_paid_and_no_share_moves(
    right: OptionRight, quantity: int, cents: int, strike: int
) -> None:
    contract, spot = option(right, strike), Decimal(cents) / 100
    done = at_expiry(contract, Decimal(quantity), spot, on=DAY, settlement="cash", exercise=False)
    assert done.cash == intrinsic(contract, spot) * quantity * 100
    assert done.contracts == -quantity
    assert done.shares == 0
    assert done.price is None
    assert (done.kind == "expiry") == (done.cash == 0)


@pytest.mark.parametrize(("spot", "kind"), [("100", "expiry"), ("100.009", "expiry"), ("100.01", "exercise")])
def test_expiry_when_in_the_money_by_less_than_a_cent_then_it_is_not_exercised(spot: str, kind: str) -> None:
    assert at_expiry(option("call", 100), Decimal(1), Decimal(spot), on=DAY).kind == kind


def test_expiry_when_the_holder_declines_then_the_long_expires_and_a_short_is_assigned_all_the_same() -> None:
    kinds = [at_expiry(option("put", 100), Decimal(n), Decimal(90), on=DAY, exercise=False).kind for n in (1, -1)]
    assert kinds == ["expiry", "assignment"]
