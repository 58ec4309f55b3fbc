"""What sold options lack of bought ones, beside every way of covering them tried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.instruments import OptionSymbol
from functions.risk.book import Book, OpenQuantity
from functions.risk.covering import after_shares, free_shares, lacking

Books = Callable[..., Book]
FIRST = date(2026, 1, 16)


def call(day: int, strike: int = 100) -> str:
    return str(OptionSymbol("SPY", FIRST + timedelta(days=day), "call", Decimal(strike)))


LOW, HIGH = call(0, 101), call(0, 110)


def most_covered(sold: Sequence[int], bought: Sequence[int]) -> int:
    """By trying: each bought one covers at most one that is sold and expires on the same day or before."""
    free = [*bought, *([-1] * len(sold))]
    return max(
        sum(cover >= day for day, cover in zip(sold, order, strict=False)) for order in permutations(free, len(sold))
    )


DAYS = st.lists(st.integers(0, 3), max_size=3)


@given(sold=DAYS, bought=DAYS)
def test_lacking_when_any_are_sold_and_bought_then_as_many_as_no_way_of_covering_reaches(
    sold: list[int], bought: list[int]
) -> None:
    contracts = {call(day, 100 + number): Decimal(-1) for number, day in enumerate(sold)}
    contracts |= {call(day, 200 + number): Decimal(1) for number, day in enumerate(bought)}
    expected = len(sold) - (most_covered(sold, bought) if sold else 0)
    assert lacking(contracts, "call").get("SPY", Decimal(0)) == expected
    assert lacking(contracts, "put") == {}


@pytest.mark.parametrize(
    ("shares", "contracts", "left", "free"),
    [
        # The lonely call is covered although the spread's expires sooner.
        (100, {call(0): -1, call(0, 105): 1, call(5): -1}, {call(0): -1, call(0, 105): 1, call(5): 0}, 0),
        # What is over covers the spread's too, as shares alone would.
        (200, {call(0): -1, call(0, 105): 1, call(5): -1}, {call(0): 0, call(0, 105): 1, call(5): 0}, 0),
        (99, {call(0): -1}, {call(0): -1}, 99),
        # What is bought covers the nearer strike; the other is alone.
        (100, {LOW: -1, HIGH: -1, call(0, 111): 1}, {LOW: 0, HIGH: -1, call(0, 111): 1}, 0),
    ],
)
def test_shares_when_they_do_not_reach_for_all_calls_then_those_without_other_cover_come_first(
    shares: int, contracts: dict[str, int], left: dict[str, int], free: int
) -> None:
    held = {"SPY": Decimal(shares)}
    assert after_shares({name: Decimal(count) for name, count in contracts.items()}, held, {}) == left
    assert held["SPY"] == free


def test_free_shares_when_an_order_works_then_it_needs_what_it_would_need_when_filled(book: Books) -> None:
    spread = {call(0): Decimal(-1), call(0, 105): Decimal(1)}
    lonely = {call(5): Decimal(-1)}
    shares = {"SPY": OpenQuantity(Decimal(250))}
    filled = {name: OpenQuantity(count) for name, count in (spread | lonely).items()}
    working = {name: OpenQuantity(to_buy=max(n, Decimal(0)), to_sell=max(-n, Decimal(0))) for name, n in spread.items()}
    assert free_shares(book(exposures={"account": shares | filled}))["SPY"] == 150
    packages = {"account": (spread, lonely)}
    assert free_shares(book(exposures={"account": shares | working}, packages=packages))["SPY"] == 150
