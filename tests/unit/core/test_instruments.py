"""Symbols, ticks and multipliers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.errors import BadInput
from functions.core.instruments import (
    OPTION_TICKS,
    STOCK_TICKS,
    OptionRight,
    OptionSymbol,
    Terms,
    TickTable,
    instrument,
    symbol_kind,
)

ROOTS = st.from_regex(r"[A-Z][A-Z0-9]{0,5}", fullmatch=True)
EXPIRIES = st.dates(date(2000, 1, 1), date(2099, 12, 31))
STRIKES = st.integers(1, 99_999_999).map(lambda thousandths: Decimal(thousandths).scaleb(-3))
RIGHTS: st.SearchStrategy[OptionRight] = st.sampled_from(["call", "put"])


@given(ROOTS, EXPIRIES, RIGHTS, STRIKES)
def test_option_symbol_when_written_and_read_then_it_is_the_same(
    root: str, expiry: date, right: OptionRight, strike: Decimal
) -> None:
    option = OptionSymbol(root, expiry, right, strike)
    assert OptionSymbol.parse(str(option)) == option
    assert OptionSymbol.parse(option.padded()) == option
    assert len(option.padded()) == 21
    assert symbol_kind(str(option)) == "option"


def kind_or_code(symbol: str) -> str:
    try:
        return symbol_kind(symbol)
    except BadInput as refused:
        return refused.code


@given(st.text(max_size=24))
def test_symbol_kind_when_given_anything_then_it_answers_or_refuses(text: str) -> None:
    assert kind_or_code(text) in {"stock", "option", "crypto", "future", "BAD_SYMBOL"}


def test_option_symbol_when_read_then_its_parts_are_exact() -> None:
    option = OptionSymbol.parse("SPY261218C00022750")
    assert option == OptionSymbol("SPY", date(2026, 12, 18), "call", Decimal("22.75"))
    assert option.padded() == "SPY   261218C00022750"


@pytest.mark.parametrize(
    "symbol",
    [
        "SPY261318C00500000",  # month 13
        "SPY260230C00500000",  # 30 February
        "SPY261218X00500000",
        "SPY261218C00000000",  # strike 0
        "SPY   261218C000227500",  # nine digits of strike, as one broker's library writes it
        "SPY 261218C00500000",  # padded to no width
        "spy261218C00500000",
        "TOOLONG261218C00500000",
        "SPY261218C0050000",
        "SPY261218C00500000\n",
        "SPY261218C0050000\u0663",
        "",
    ],
)
def test_option_symbol_when_malformed_then_it_is_refused(symbol: str) -> None:
    with pytest.raises(BadInput) as refused:
        OptionSymbol.parse(symbol)
    assert refused.value.code == "BAD_SYMBOL"


@pytest.mark.parametrize(
    ("root", "expiry", "strike"),
    [
        ("SP Y", date(2026, 1, 16), "1"),
        ("SPY", date(1999, 1, 16), "1"),
        ("SPY", date(2026, 1, 16), "0"),
        ("SPY", date(2026, 1, 16), "0.0001"),
        ("SPY", date(2026, 1, 16), "100000"),
        ("SPY", date(2026, 1, 16), "NaN"),
    ],
)
def test_option_symbol_when_built_of_impossible_parts_then_it_is_refused(root: str, expiry: date, strike: str) -> None:
    with pytest.raises(BadInput):
        OptionSymbol(root, expiry, "call", Decimal(strike))


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("SPY", "stock"),
        ("BRK.B", "stock"),
        ("SPY261218C00500000", "option"),
        ("BTC/USD", "crypto"),
        ("ESZ6", "future"),
        ("6EH27", "future"),
    ],
)
def test_symbol_kind_when_canonical_then_it_is_told_by_its_form(symbol: str, kind: str) -> None:
    assert symbol_kind(symbol) == kind


@pytest.mark.parametrize("symbol", ["", "spy", "SPY ", "/ESZ6", "BTC-USD", "SPY;DROP", "BRK.", "SPY\n"])
def test_symbol_kind_when_no_symbol_then_it_is_refused(symbol: str) -> None:
    with pytest.raises(BadInput, match="expected a share"):
        symbol_kind(symbol)


def test_instrument_when_a_share_or_an_option_then_it_has_standard_terms() -> None:
    assert (instrument("SPY").multiplier, instrument("SPY").ticks) == (Decimal(1), STOCK_TICKS)
    option = instrument("SPY261218C00500000")
    assert (option.multiplier, option.ticks, option.underlying) == (Decimal(100), OPTION_TICKS, "SPY")
    assert option.option is not None
    assert option.option.strike == 500


@pytest.mark.parametrize(("symbol", "underlying"), [("BTC/USD", "BTC/USD"), ("ESZ6", "ES")])
def test_instrument_when_crypto_or_future_then_terms_are_given_and_never_guessed(symbol: str, underlying: str) -> None:
    with pytest.raises(BadInput) as refused:
        instrument(symbol)
    assert refused.value.code == "MISSING_TERMS"
    terms = Terms(Decimal(50), TickTable(((Decimal(0), Decimal("0.25")),)))
    found = instrument(symbol, terms)
    assert (found.underlying, found.ticks.rounded(Decimal("4000.30"), up=True)) == (underlying, Decimal("4000.50"))


@pytest.mark.parametrize(
    ("price", "up", "expected"),
    [
        ("100.001", False, "100.00"),
        ("100.001", True, "100.01"),
        ("100.01", True, "100.01"),
        ("0.99995", False, "0.9999"),
        ("0.99995", True, "1.0000"),
        ("1.009", False, "1.00"),
    ],
)
def test_ticks_when_a_share_price_is_rounded_then_it_is_on_the_table(price: str, up: bool, expected: str) -> None:
    assert STOCK_TICKS.rounded(Decimal(price), up=up) == Decimal(expected)


@given(st.decimals(Decimal("0.0001"), Decimal(5000), places=6), st.booleans())
def test_ticks_when_any_price_is_rounded_then_it_fits_and_is_less_than_a_step_away(price: Decimal, up: bool) -> None:
    found = STOCK_TICKS.rounded(price, up=up)
    assert STOCK_TICKS.fits(found)
    assert abs(found - price) < STOCK_TICKS.at(price)
    assert found >= price if up else found <= price


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "0.00001"])
def test_ticks_when_the_price_is_no_price_then_it_is_refused(price: str) -> None:
    with pytest.raises(BadInput):
        STOCK_TICKS.rounded(Decimal(price), up=False)


@pytest.mark.parametrize(
    "steps",
    [(), (("1", "0.01"),), (("0", "0"),), (("0", "0.01"), ("0", "0.05")), (("0", "0.01"), ("1.005", "0.01"))],
)
def test_tick_table_when_it_has_holes_then_it_is_refused(steps: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(BadInput) as refused:
        TickTable(tuple((Decimal(start), Decimal(step)) for start, step in steps))
    assert refused.value.code == "BAD_TICKS"


def test_terms_when_the_multiplier_is_zero_then_they_are_refused() -> None:
    with pytest.raises(BadInput, match="multiplier"):
        Terms(Decimal(0), STOCK_TICKS)
