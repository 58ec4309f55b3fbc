"""The summary as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich import box
from rich.table import Table

from functions.core.money import rounded
from local.cli.summary import Position, Summary, shown_dollars


def summary_tables(summary: Summary) -> Iterator[Table]:
    """The result of the replay, then the positions at each broker. Dollars to the cent, half away from zero."""
    table = Table(title="Result", title_justify="left", show_header=False, box=box.SIMPLE)
    table.add_column("what")
    table.add_column("how much", justify="right")
    states = ", ".join(f"{count} {status}" for status, count in summary.by_status.items())
    table.add_row("Trades", f"{summary.trades} ({states})" if states else "0")
    table.add_row("Fills", str(summary.fills))
    table.add_row("Win rate", _win_rate(summary))
    table.add_row("Realised P&L", shown_dollars(summary.realised))
    table.add_row("Unrealised P&L", shown_dollars(summary.unrealised))
    table.add_row("Fees", shown_dollars(summary.fees))
    table.add_row("Latency, signal to broker's acknowledgement", _latency(summary))
    yield table

    for broker, positions in groupby(summary.positions, lambda position: position.broker):
        yield _positions(broker, positions)


def _positions(broker: str, positions: Iterable[Position]) -> Table:
    """One broker's, narrow enough for eighty columns: two contracts differ at the ends of their symbols."""
    table = Table(title=f"Positions at {broker}", title_justify="left", box=box.SIMPLE, padding=0)
    for column in ("symbol", "quantity", "entry", "mark", "value", "unrealised", "realised", "fees"):
        table.add_column(column, justify="left" if column == "symbol" else "right", overflow="fold")
    for position in positions:
        table.add_row(
            position.symbol,
            f"{position.quantity.normalize():f}",
            shown_dollars(position.average_entry_price) if position.quantity else "-",
            shown_dollars(position.mark),
            shown_dollars(position.market_value),
            shown_dollars(position.unrealised),
            shown_dollars(position.realised),
            shown_dollars(position.fees),
        )
    return table


def _win_rate(summary: Summary) -> str:
    if summary.win_rate is None:
        return "nothing was closed"
    return f"{rounded(summary.win_rate * 100, 1)} % of {summary.closing_trades} closing trades"


def _latency(summary: Summary) -> str:
    if summary.latency_p50 is None or summary.latency_p99 is None:
        return "no order was sent"
    return f"p50 {summary.latency_p50:g} ms, p99 {summary.latency_p99:g} ms"
