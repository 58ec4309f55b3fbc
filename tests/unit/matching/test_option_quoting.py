"""What a market maker quotes around a value."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from functions.backtest.option_quoting import quoted
from functions.core.instruments import OPTION_TICKS, TickTable


@given(st.floats(0, 400))
def test_quoted_when_any_value_is_given_then_both_prices_are_on_the_tick_and_not_crossed(price: float) -> None:
    for ticks in (OPTION_TICKS, TickTable(((Decimal(0), Decimal("0.01")), (Decimal(3), Decimal("0.05"))))):
        bid, ask = quoted(price, ticks)
        assert 0 < bid < ask
        assert ticks.fits(bid)
        assert ticks.fits(ask)
