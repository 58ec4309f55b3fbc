"""Option quotes, what positions require, and what expiry does to them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.backtest.margin import Holding, requirement
from functions.backtest.option_quoting import quoted
from functions.backtest.settlement import at_expiry, intrinsic
from functions.core.errors import BadInput
from functions.core.instruments import OPTION_TICKS, OptionRight, OptionSymbol, TickTable

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


@given(st.floats(0, 400))
def test_quoted_when_any_value_is_given_then_both_prices_are_on_the_tick_and_not_crossed(price: float) -> None:
    for ticks in (OPTION_TICKS, TickTable(((Decimal(0), Decimal("0.01")), (Decimal(3), Decimal("0.05"))))):
        bid, ask = quoted(price, ticks)
        assert 0 < bid < ask
        assert ticks.fits(bid)
        assert ticks.fits(ask)
