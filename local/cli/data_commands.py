"""`agenttrader data check`."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from functions.core.errors import BadInput
from functions.core.market_calendar import Calendar, Session
from functions.ingest.quality.cleaning import clean
from functions.ingest.quality.findings import Finding, counted
from local.cli.exits import Exit
from local.cli.options import Json, State, demo_state
from local.cli.screen import Screen
from local.tape.raw_file import read_raw, symbol_of
from local.tape.sessions import FIRST_YEAR, LAST_YEAR, new_york

_SHOWN = 200

data = typer.Typer(
    name="data",
    help="Look at market data.\n\nExample: agenttrader data check SPY-2013-10-07-bars.csv.gz",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@data.callback()
def _group() -> None:
    """So that `check` is a command of its own."""


@data.command(short_help="Run the data-quality gate on a minute file.")
def check(
    file: Annotated[Path, typer.Argument(help="A .csv or .csv.gz of minute bars.", metavar="FILE")],
    symbol: Annotated[
        str | None, typer.Option(help="Whose bars these are.  [default: what the name begins with]", metavar="SYMBOL")
    ] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Say which minutes of a file are good and list every finding, as ingest would. Exit 1 where there is one.

    Example: agenttrader data check SPY-2013-10-07-bars.csv.gz --json
    """
    screen = Screen.open(as_json)
    named = symbol.upper() if symbol else symbol_of(file)
    with screen.waiting(f"Checking {file.name}"):
        rows = read_raw(file, named)
        if not rows:
            raise BadInput("BAD_FILE", f"{file.name} has no row")
        found = clean(rows, _calendar(demo_state(state).parent / "cache"))
    kinds = counted(found.findings)
    screen.say(f"{file.name}: {len(rows)} rows, {len(found.bars)} good minutes of {named}.")
    if found.findings:
        screen.show(_table(found.findings))
    screen.result(
        {
            "file": file.name,
            "symbol": named,
            "rows": len(rows),
            "minutes": len(found.bars),
            "first": found.bars[0].starts_at.isoformat() if found.bars else None,
            "last": found.bars[-1].starts_at.isoformat() if found.bars else None,
            "counts": kinds,
            "findings": [
                {"kind": one.kind, "at": one.at.isoformat(), "count": one.count, "text": one.text}
                for one in found.findings
            ],
        }
    )
    return Exit.CHECK_FAILED if found.findings else Exit.FINE


def _calendar(cache: Path) -> Calendar:
    sessions = new_york(cache).between(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))
    return Calendar(Session(one.day, one.opens_at, one.closes_at) for one in sessions)


def _table(findings: list[Finding]) -> Table:
    """The same finding at the same moment is one line; the totals stand below."""
    table = Table(title="Findings", title_justify="left", box=box.SIMPLE)
    table.add_column("when, UTC")
    table.add_column("kind")
    table.add_column("count", justify="right")
    table.add_column("what", overflow="fold")
    lines: Counter[tuple[str, str, str]] = Counter()
    for one in findings:
        lines[f"{one.at:%Y-%m-%d %H:%M}", one.kind, one.text] += one.count
    for (at, kind, text), count in sorted(lines.items())[:_SHOWN]:
        table.add_row(at, kind, str(count), text)
    if len(lines) > _SHOWN:
        table.add_row("...", "", "", f"{len(lines) - _SHOWN} more lines; --json has them all")
    table.add_section()
    for kind, count in counted(findings).items():
        table.add_row("in all", kind, str(count), "")
    return table
