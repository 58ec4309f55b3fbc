"""Money: exact in, exact out, one rounding rule."""

from __future__ import annotations

import json
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from functions.core.errors import BadInput
from functions.core.money import Amount, decimal, divided, rounded, text, to_tick

AMOUNTS = st.decimals(Decimal("-999999999999999999.9999999999"), Decimal("999999999999999999.9999999999"), places=10)
TICKS = st.sampled_from([Decimal("0.0001"), Decimal("0.01"), Decimal("0.05"), Decimal("0.25"), Decimal(1)])


class Priced(BaseModel):
    price: Amount


@given(AMOUNTS)
def test_text_when_read_back_then_it_is_the_same_amount(amount: Decimal) -> None:
    written = text(amount)
    assert decimal(written) == amount
    assert "E" not in written
    assert "e" not in written
    assert written != "-0"
    assert "." not in written or not written.endswith("0")


@given(st.decimals("-1000000", 1_000_000, places=4))
def test_decimal_when_a_json_number_came_as_a_float_then_its_shortest_text_is_meant(amount: Decimal) -> None:
    assert decimal(json.loads(text(amount))) == amount


@given(
    st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.booleans(), st.decimals(), st.lists(st.integers()))
)
def test_decimal_when_given_anything_then_it_is_an_amount_the_ledger_holds_or_refused(value: object) -> None:
    try:
        found = decimal(value)
    except BadInput as refused:
        code = refused.code
    else:
        code = ""
        assert found.is_finite()
        assert abs(found) < Decimal(10) ** 18
        assert len(text(found)) < 400
    assert code in ("", "NOT_A_NUMBER")


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("0.00000000005", 10, "0.0000000001"),
        ("-0.00000000005", 10, "-0.0000000001"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("2.4999", 0, "2"),
        ("1.005", 2, "1.01"),
    ],
)
def test_rounded_when_it_lies_in_the_middle_then_it_goes_away_from_zero(value: str, places: int, expected: str) -> None:
    assert rounded(Decimal(value), places) == Decimal(expected)


@given(AMOUNTS, AMOUNTS.filter(lambda amount: abs(amount) >= Decimal("0.01")))
def test_divided_when_the_callers_context_is_poor_then_the_quotient_is_the_same(one: Decimal, other: Decimal) -> None:
    expected = divided(one, other)
    with localcontext() as poor:
        poor.prec = 6
        assert divided(one, other) == expected
    assert abs(expected * other - one) <= abs(other) * Decimal("0.0000000001")


def test_divided_when_by_zero_then_it_raises() -> None:
    with pytest.raises(ArithmeticError):
        divided(Decimal(1), Decimal(0))


@given(st.decimals("0.0001", 1_000_000, places=6), TICKS)
def test_to_tick_when_a_price_is_between_two_ticks_then_it_goes_the_way_that_was_asked(
    price: Decimal, tick: Decimal
) -> None:
    down, up = to_tick(price, tick, up=False), to_tick(price, tick, up=True)
    assert down <= price <= up
    assert up - down in (0, tick)
    assert down % tick == 0
    assert up % tick == 0


def test_amount_when_in_a_model_then_it_reads_text_and_numbers_and_writes_text() -> None:
    assert Priced.model_validate({"price": 0.1}).price == Decimal("0.1")
    assert Priced.model_validate_json('{"price": "1E+2"}').model_dump(mode="json") == {"price": "100"}
    for wrong in ("NaN", "1,0", None, True, "1_0"):
        with pytest.raises(ValidationError):
            Priced.model_validate({"price": wrong})
