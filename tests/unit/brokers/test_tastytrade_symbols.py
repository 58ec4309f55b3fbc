"""Symbols both ways: the canonical form, tastytrade's, dxFeed's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.brokers.errors import BadResponse, Unsupported
from functions.brokers.tastytrade_symbols import heard, inside, instrument_type, outside, streamed
from functions.core.instruments import OptionSymbol

OPTIONS = st.builds(
    OptionSymbol,
    st.from_regex(r"\A[A-Z]{1,5}[0-9]?\Z"),
    st.dates(date(2020, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["call", "put"]),
    st.integers(1, 99_999_999).map(lambda thousandths: Decimal(thousandths) / 1000),
).map(str)


@pytest.mark.parametrize(
    ("canonical", "wire", "stream", "kind"),
    [
        ("SPY", "SPY", "SPY", "Equity"),
        ("BRK.B", "BRK/B", "BRK/B", "Equity"),
        ("SPY261218C00500000", "SPY   261218C00500000", ".SPY261218C500", "Equity Option"),
        ("F261218P00022750", "F     261218P00022750", ".F261218P22.75", "Equity Option"),
        ("SPXW261218P04102500", "SPXW  261218P04102500", ".SPXW261218P4102.5", "Equity Option"),
    ],
)
def test_symbol_when_written_for_the_broker_then_it_reads_back(
    canonical: str, wire: str, stream: str, kind: str
) -> None:
    assert (outside(canonical), streamed(canonical), instrument_type(canonical)) == (wire, stream, kind)
    assert (inside(wire), heard(stream)) == (canonical, canonical)


@given(OPTIONS)
def test_symbol_when_any_option_then_both_forms_read_back(symbol: str) -> None:
    assert len(outside(symbol)) == 21
    assert (inside(outside(symbol)), heard(streamed(symbol))) == (symbol, symbol)


def test_symbol_when_a_candles_then_its_attributes_are_left_out() -> None:
    assert heard("SPY{=1m,tho=true}") == "SPY"


@pytest.mark.parametrize("symbol", [None, 7, "", " ", "spy", ".SPY26121C500", ".SPY261318C500", "SPY 261218C00500000"])
def test_symbol_when_it_is_none_then_it_is_refused(symbol: object) -> None:
    for read in (inside, heard):
        with pytest.raises(BadResponse):
            read(symbol)


def test_streamed_when_neither_share_nor_option_then_unsupported() -> None:
    with pytest.raises(Unsupported):
        streamed("BTC/USD")
