"""The simulator's positions: what holds whatever is traded."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from local.simulators.venue.positions import Position

changes = st.integers(-50, 50).filter(bool).map(Decimal)
prices = st.integers(1, 50_000).map(lambda cents: Decimal(cents).scaleb(-2))


@given(st.lists(st.tuples(changes, prices), max_size=30))
def test_apply_when_fills_come_then_the_quantity_is_their_sum_and_flat_costs_nothing(
    fills: list[tuple[Decimal, Decimal]],
) -> None:
    position = Position("SPY")
    for change, price in fills:
        position.apply(change, price)
    assert position.quantity == sum((change for change, _ in fills), Decimal(0))
    assert (position.cost == 0) == (position.quantity == 0)
    assert position.cost * position.quantity >= 0


@given(st.lists(st.tuples(st.integers(1, 50).map(Decimal), prices), min_size=1, max_size=20), st.sampled_from([1, -1]))
def test_apply_when_fills_only_add_then_the_cost_is_their_sum(fills: list[tuple[Decimal, Decimal]], sign: int) -> None:
    position = Position("SPY")
    for quantity, price in fills:
        position.apply(sign * quantity, price)
    assert position.cost == sign * sum(quantity * price for quantity, price in fills)


@given(st.integers(2, 50), prices, st.integers(1, 49), prices)
def test_apply_when_a_part_is_closed_then_the_average_stays(
    quantity: int, price: Decimal, part: int, other: Decimal
) -> None:
    position = Position("SPY")
    position.apply(Decimal(quantity), price)
    position.apply(-Decimal(min(part, quantity - 1)), other)
    assert position.average == price


@given(prices, prices)
def test_apply_when_a_fill_goes_through_zero_then_the_rest_opens_at_its_price(first: Decimal, second: Decimal) -> None:
    position = Position("SPY")
    position.apply(Decimal(10), first)
    position.apply(Decimal(-25), second)
    assert (position.quantity, position.average) == (Decimal(-15), second)
