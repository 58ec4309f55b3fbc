"""The demo's summary as tables."""

from __future__ import annotations

import io
from decimal import Decimal

from rich.console import Console

from local.cli.summary import Position, Summary
from local.cli.summary_table import summary_tables

CONTRACTS = ("SPY180209C00276000", "SPY180209C00281000")


def position(broker: str, symbol: str) -> Position:
    number, price, value = Decimal(100), Decimal("264.96"), Decimal("26489")
    return Position(broker, symbol, number, price, price, value, -number, -number, Decimal("1.3"))


def test_positions_when_the_terminal_has_eighty_columns_then_symbols_and_numbers_stay_whole() -> None:
    positions = tuple(position(broker, symbol) for broker in ("alpaca", "tastytrade") for symbol in CONTRACTS)
    console = Console(file=io.StringIO(), width=80)
    for table in summary_tables(Summary({}, 0, Decimal(0), 0, None, positions, None, None)):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert [shown.count(symbol) for symbol in CONTRACTS] == [2, 2]
    assert (shown.count("26,489.00"), shown.count("unrealised")) == (4, 2)
    assert "Positions at tastytrade" in shown
