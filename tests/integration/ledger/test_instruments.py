"""Instruments: the tick at a price, and the terms that a symbol says of itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from functions.core.instruments import STOCK_TICKS, OptionSymbol
from tests.integration.ledger.ledger import Ledger, refused

_NICKELS = '[{"from": "0", "tick": "0.05"}, {"from": "3", "tick": "0.10"}]'


def _add(ledger: Ledger, symbol: str, kind: str, **more: Any) -> None:
    columns = {"symbol": symbol, "kind": kind, "source": "test"} | more
    ledger.run(
        f"insert into public.instruments ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})",  # noqa: S608
        *columns.values(),
    )


def _tick(ledger: Ledger, symbol: str, price: str | None) -> Decimal | None:
    found: Decimal | None = ledger.one("select private.tick_at(%s, %s::numeric)", symbol, price)
    return found


@pytest.mark.parametrize("price", ["0", "0.5", "0.9999", "1", "1.01", "250"])
def test_tick_at_when_a_share_has_a_price_then_it_is_the_step_that_python_uses(ledger: Ledger, price: str) -> None:
    assert _tick(ledger, "SPY", price) == STOCK_TICKS.at(Decimal(price))


def test_tick_at_when_a_net_price_is_received_then_its_sign_is_ignored(ledger: Ledger) -> None:
    assert _tick(ledger, "SPY", "-2.50") == Decimal("0.01")


def test_tick_at_when_symbol_or_price_is_unknown_then_it_is_unknown(ledger: Ledger) -> None:
    assert _tick(ledger, "NOBODY", "1") is None
    assert _tick(ledger, "SPY", None) is None


def test_tick_at_when_an_option_has_its_own_class_then_the_step_changes_at_three_dollars(ledger: Ledger) -> None:
    _add(ledger, "XYZ181221C00250500", "option", multiplier=100, ticks=_NICKELS)
    assert [_tick(ledger, "XYZ181221C00250500", price) for price in ("2.95", "3", "3.10")] == [
        Decimal("0.05"),
        Decimal("0.10"),
        Decimal("0.10"),
    ]


def test_option_when_added_then_its_symbol_says_its_terms(ledger: Ledger) -> None:
    symbol = OptionSymbol.parse("AB1181221P00012500")
    _add(ledger, str(symbol), "option", strike=99, option_right="call")
    assert ledger.rows(
        "select underlying, expires_on, option_right, strike, style from public.instruments where symbol = %s",
        str(symbol),
    ) == [(symbol.root, symbol.expiry, symbol.right, symbol.strike, None)]


@pytest.mark.parametrize(
    "ticks",
    [
        "{}",
        "[]",
        "[1]",
        '[{"from": "0"}]',
        '[{"from": "0", "tick": "0"}]',
        '[{"from": "0", "tick": "NaN"}]',
        '[{"from": "0", "tick": "Infinity"}]',
        '[{"from": "1", "tick": "0.01"}]',
        '[{"from": "0", "tick": "0.01"}, {"from": "0", "tick": "0.05"}]',
        '[{"from": "0", "tick": "0.01"}, {"from": "1", "tick": "0.03"}]',
    ],
)
def test_tick_table_when_it_makes_no_sense_then_it_is_refused(ledger: Ledger, ticks: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="ticks"):
        ledger.run("update public.instruments set ticks = %s where symbol = 'SPY'", ticks)


def test_tick_when_written_by_hand_then_it_is_refused(ledger: Ledger) -> None:
    with refused("TICK_FOLLOWS_TABLE", 422):
        ledger.run("update public.instruments set tick = 0.05 where symbol = 'SPY'")


def test_option_when_tradable_without_terms_then_it_is_refused_and_when_only_booked_it_is_kept(ledger: Ledger) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="an_option_has_its_terms"):
        _add(ledger, "ODD", "option")
    _add(ledger, "ODD", "option", tradable=False)
