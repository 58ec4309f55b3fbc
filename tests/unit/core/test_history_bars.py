"""A month of bars as a Parquet object: nothing is rounded, and the same bars make the same object."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import Mistake
from functions.core.history.bars import Bar, frame, merged, month_key, month_of, packed, unpacked

NEW_YEAR = datetime(2017, 12, 31, 23, 59, tzinfo=UTC)
amounts = st.decimals("0.0000000001", "999999999999999999", places=10)


def bar_at(minute: int = 0, close: str = "268.7712345678", feed: str = "iex") -> Bar:
    at = NEW_YEAR + timedelta(minutes=minute)
    price = Decimal(close)
    return Bar(at, at + timedelta(minutes=1), price, price, price, price, Decimal(100), feed, 900)


@settings(max_examples=50, deadline=None)
@given(st.lists(amounts, min_size=5, max_size=5))
def test_month_when_packed_and_unpacked_then_every_digit_is_there(values: list[Decimal]) -> None:
    names = ("open", "high", "low", "close", "volume")
    bar = replace(bar_at(), **dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
    assert unpacked(packed([bar]), "key") == [bar]


def test_month_when_packed_again_then_the_object_is_the_same() -> None:
    bars = [bar_at(n) for n in range(100)]
    assert packed(bars) == packed(list(bars))


def test_month_when_it_has_no_bar_then_it_comes_back_empty() -> None:
    assert unpacked(packed([]), "key") == []


def test_month_when_the_object_is_something_else_then_it_is_a_mistake_that_names_it() -> None:
    with pytest.raises(Mistake, match=r"BROKEN_OBJECT.*bars/a\.parquet"):
        unpacked(b"nothing of the kind", "bars/a.parquet")


def test_frame_when_made_then_its_prices_are_decimals_and_its_times_utc() -> None:
    schema = frame([bar_at()]).schema
    assert str(schema["close"]) == "Decimal(precision=28, scale=10)"
    assert str(schema["starts_at"]) == "Datetime(time_unit='us', time_zone='UTC')"


def test_merged_when_both_have_a_bar_then_the_newer_word_counts_and_the_order_is_of_time() -> None:
    found = merged([bar_at(2), bar_at(0), bar_at(1, "1")], [bar_at(1, "2"), bar_at(3)])
    assert [(bar.starts_at.minute, bar.close) for bar in found][1] == (0, Decimal(2))
    assert [bar.starts_at for bar in found] == [bar_at(n).starts_at for n in range(4)]


def test_key_when_made_then_it_names_timeframe_symbol_and_the_month_in_utc() -> None:
    assert month_key("BRK.B", "1Min", month_of(NEW_YEAR)) == "bars/1Min/BRK.B/2017-12.parquet"
    assert month_key("BTC/USD", "1Day", date(2018, 1, 1)) == "bars/1Day/BTC%2FUSD/2018-01.parquet"
