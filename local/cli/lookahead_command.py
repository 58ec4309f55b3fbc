"""`agenttrader lookahead`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from functions.core.market_calendar import Calendar
from functions.core.market_calendar import Session as Sitting
from functions.strategy.bars import TIMEFRAME_LENGTHS, Bars, Timeframe
from functions.strategy.catalogue import build
from functions.strategy.interface import Strategy
from functions.strategy.lookahead import MOST_CHECKED, Report, prove
from functions.strategy.made_bars import made_minutes
from functions.strategy.runs import SESSION_MINUTES
from local.cli.exits import Exit
from local.cli.options import Json
from local.cli.screen import Screen
from local.cli.strategy_config import Config, Kind, Symbols, config_of, symbols_of
from local.stack import default_state
from local.tape.model import Bar, Tape
from local.tape.sessions import new_york
from local.tape.spec import check_spec, open_tape
from local.verify import how_many

_MORE_SESSIONS = 3
_MADE = "made bars, a random walk with missing minutes and a half day"


@dataclass(frozen=True, slots=True)
class _Row:
    """A bar of a tape as the engine reads it: volume is an amount there."""

    starts_at: datetime
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    @classmethod
    def of(cls, bar: Bar) -> _Row:
        return cls(bar.starts_at, bar.ends_at, bar.open, bar.high, bar.low, bar.close, Decimal(bar.volume))


def lookahead(
    kind: Kind,
    config: Config = "{}",
    symbols: Symbols = None,
    data: Annotated[
        str | None,
        typer.Option(help="A tape instead of made bars, such as minute:SPY:2013-10-07.", metavar="TAPE"),
    ] = None,
    most: Annotated[int, typer.Option(help="Check at most so many bars of each symbol.", min=1)] = MOST_CHECKED,
    as_json: Json = False,
) -> int:
    """Prove that a strategy does not see the future: nothing it says changes when later bars are missing.

    At each checked bar its columns and decisions are made again from the bars up to there, and from its warm-up only.
    Exit 1 with a table of what differs.

    Example: agenttrader lookahead moving_average_cross --config '{"fast": 5, "slow": 20}'

    Example: agenttrader lookahead my_kind --data minute:SPY:2013-10-07:2013-10-08
    """
    screen = Screen.open(as_json)
    given = config_of(config)
    tape = None if data is None else _opened(data)
    names = symbols_of(symbols, ("SPY", "QQQ") if tape is None else tape.symbols)
    strategy = build(kind, given, names)
    minutes = {name: made_minutes(name, _sessions(strategy)) for name in names} if tape is None else _minutes(tape)
    with screen.waiting(f"Checking {kind} for what it must not see") as status:

        def told(done: int, total: int) -> None:
            if status is not None and (done % 20 == 0 or done == total):
                status.update(f"Checking {kind} for what it must not see: {done} of {total} bars")

        report = prove(lambda: build(kind, given, names), minutes, most, told)
    screen.say(f"Data: {_MADE if tape is None else tape.description}")
    if not report.ok:
        screen.show(_table(report))
    screen.say(_sentence(kind, report, chains=bool(strategy.chains())))
    screen.result(_data(kind, given, report))
    return Exit.FINE if report.ok else Exit.CHECK_FAILED


def _opened(spec: str) -> Tape:
    # The name is read first: the calendar takes seconds to make.
    check_spec(spec)
    return open_tape(spec, seed=1, calendar=new_york(default_state() / "cache"))


def _sessions(strategy: Strategy) -> int:
    """Enough for its warm-up and its context, and some to check."""
    inputs = strategy.inputs()
    needed = {inputs.timeframe: inputs.warm_up, **inputs.context}
    return max(_span(timeframe, count) for timeframe, count in needed.items()) + _MORE_SESSIONS


def _span(timeframe: Timeframe, count: int) -> int:
    a_session = max(1, timedelta(minutes=SESSION_MINUTES) // TIMEFRAME_LENGTHS[timeframe])
    return -(-count // a_session)


def _minutes(tape: Tape) -> Mapping[str, Bars]:
    sessions = (*tape.earlier, *tape.sessions)
    calendar = Calendar(Sitting(each.day, each.opens_at, each.closes_at) for each in sessions)
    return {
        symbol: Bars.of(
            symbol, "1Min", [_Row.of(bar) for session in sessions for bar in tape.bars(symbol, session)], calendar
        )
        for symbol in tape.symbols
    }


def _table(report: Report) -> Table:
    table = Table(title="IT SEES WHAT IT MUST NOT", title_justify="left", box=box.SIMPLE)
    table.add_column("what", no_wrap=True)
    table.add_column("times", justify="right")
    table.add_column("depends on", overflow="fold")
    table.add_column("first at, UTC", overflow="fold")
    for each in report.findings.values():
        first = f"{each.symbol} {each.first_at:%Y-%m-%d %H:%M}: with all bars {each.with_all}, without {each.without}"
        table.add_row(f"{each.what} {each.name}", str(each.times), each.depends_on, first, style="red")
    return table


def _sentence(kind: str, report: Report, *, chains: bool) -> str:
    if not report.ok:
        return f"{kind} depends on what it must not see in {how_many(len(report.findings), 'place')}."
    trading = sum(count for action, count in report.decisions.items() if action != "stay")
    said = (
        f"{kind} does not see the future: {how_many(len(report.columns), 'column')} and the decisions while flat, long "
        f"and short are the same at {report.checked} of {how_many(report.bars, 'bar')} without what came later, and "
        f"from the warm-up alone; {trading} of those decisions trade."
    )
    if chains:
        said += " It was asked without an option chain, so that decisions on one are not proven."
    elif not trading:
        said += " None did: choose another config or other data for a proof that says more."
    return said


def _data(kind: str, config: dict[str, Any], report: Report) -> dict[str, Any]:
    return {
        "kind": kind,
        "config": config,
        "ok": report.ok,
        "bars": report.bars,
        "checked": report.checked,
        "columns": sorted(report.columns),
        "decisions": report.decisions,
        "findings": [asdict(each) for each in report.findings.values()],
    }
