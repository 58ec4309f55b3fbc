"""`agenttrader demo`: the whole cloud in a fresh folder, strategies, a stretch of market history, and the books."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from functions.core.errors import BadInput
from functions.core.market_calendar import EXCHANGE_TIME_ZONE
from local.cli import demo_trader
from local.cli.cloud_commands import command, refuse_beside, say_addresses, told, wait_for_end
from local.cli.demo_hand import HandTrader
from local.cli.demo_strategies import StrategyChoice, demo_plan
from local.cli.demo_tape import tape_of
from local.cli.exits import Exit
from local.cli.options import Json, PortBase, State, demo_state
from local.cli.screen import Screen
from local.cli.strategy_summary import strategy_table, summarise_strategies
from local.cli.summary import summarise
from local.cli.summary_table import summary_tables
from local.cli.trade_tape import TradeTape, time_of
from local.cli.verify_command import verification_table, verified
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.stack import Stack
from local.supervisor.claim import Claim
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Brokers, Setup
from local.verify import how_many

_DAYS = re.compile(r"(\d{4}-\d{2}-\d{2})(?:(?:\.\.|:)(\d{4}-\d{2}-\d{2}))?")
DEFAULT_DAYS = "2018-02-05..2018-02-06"


def demo(
    as_json: Json = False,
    symbol: Annotated[str, typer.Option(help="What to trade.", metavar="SYMBOL")] = "SPY",
    day: Annotated[str, typer.Option(help="A day, or first..last.", metavar="YYYY-MM-DD[..YYYY-MM-DD]")] = DEFAULT_DAYS,
    seed: Annotated[int, typer.Option(help="Seed of the made minute path.", min=0)] = 7,
    pace: Annotated[str, typer.Option(help="lockstep, realtime, or N times faster, such as 60x.")] = "lockstep",
    broker: Annotated[Brokers, typer.Option(help="Where it trades: alpaca, tastytrade, or both.")] = "alpaca",
    strategies: Annotated[
        StrategyChoice, typer.Option(help="The quick demo's two, or one of every built-in kind: default or all.")
    ] = "default",
    until: Annotated[
        datetime | None,
        typer.Option(help="Stop the tape at this time of its last day, New York.", formats=["%H:%M"], metavar="HH:MM"),
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="Stop everything at the end.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the demo's state folder.")] = False,
    state: State = None,
    port_base: PortBase = None,
) -> int:
    """Replay days of market history through the whole system, and show what came of it.

    Without AGENTTRADER_DATA the minutes are made from real daily prices; with it they are read from real minute files.

    Example: agenttrader demo --json --exit

    Example: agenttrader demo --broker both --day 2018-02-05

    Example: agenttrader demo --strategies all --day 2018-02-05 --until 10:30

    Example: AGENTTRADER_DATA=data agenttrader demo --symbol SPY --day 2013-10-07
    """
    screen = Screen.open(as_json)
    speed = Pace.read(pace)
    first, last = read_days(day)
    folder = demo_state(state)
    refuse_beside(folder.parent, port_base, "a local cloud")
    tape = tape_of(symbol.upper(), first, last, seed, folder.parent / "cache")
    clear(folder)
    stack = Stack.create(folder, port_base)
    setup = Setup(tape=tape.spec, seed=seed, throw_away=True, broker=broker)
    with ExitStack() as afterwards:
        if not keep:
            afterwards.callback(shutil.rmtree, folder, ignore_errors=True)
        screen.say(f"{', '.join(tape.symbols)}, {first} to {last}. {tape.description}")
        cloud = Cloud(stack, setup=setup, listener=screen.hear)
        began = time.monotonic()
        with screen.waiting("Starting the local cloud: Postgres, gateway, realtime, bus, functions, broker simulator"):
            afterwards.enter_context(told(screen, cloud))
        screen.note(f"Up in {time.monotonic() - began:.1f} s.")
        with screen.waiting("Linking the accounts, validating and starting the strategies"):
            plan = demo_plan(strategies)
            trader = demo_trader.create(stack, tape.symbols, tape.opens_at, broker, plan)
        by_hand = HandTrader(
            trader.user_id,
            [account.id for account in trader.accounts],
            tape.symbols[0],
            tape.opens_at,
            refused=screen.note,
        )
        run(screen, cloud, speed, by_hand, stop_at(last, until))
        code = conclude(screen, stack)
        if not leave:
            say_addresses(screen, stack, broker)
            screen.say(f"Its trader:            {trader.email}, password {trader.password}")
            screen.say(f"Look inside: `{command()} admin grant {demo_trader.EMAIL}`, then `{command()} studio`.")
            with contextlib.suppress(KeyboardInterrupt):
                wait_for_end(cloud)
    return code


def run(screen: Screen, cloud: Cloud, speed: Pace, by_hand: HandTrader, until: datetime | None = None) -> None:
    """Replays the tape, up to `until` (UTC), printing trades and progress; between two minutes the trader acts."""
    reached = False
    trades = TradeTape(screen)
    began = time.monotonic()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen.aside,
        disable=not screen.aside.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task("Replaying")

        def hear(progressed: Progressed) -> None:
            nonlocal reached
            reached = until is not None and progressed.at >= until
            bar.update(
                task,
                total=progressed.total,
                completed=progressed.step,
                description=time_of(progressed.at),
            )
            if not screen.aside.is_terminal and progressed.new_hour:
                where = f"{time_of(progressed.at)}, step {progressed.step} of {progressed.total}"
                screen.note(f"  {where}, {how_many(trades.fills, 'fill')} so far")

        replay(cloud.stack, speed, settled=trades, act=by_hand, progress=hear, wanted=lambda: not reached)
    screen.note(f"Replayed in {time.monotonic() - began:.1f} s.")


def conclude(screen: Screen, stack: Stack) -> Exit:
    """The books, the checks, and the one JSON object."""
    with screen.waiting("Adding up and checking"):
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            summary, strategies = summarise(connection), summarise_strategies(connection)
        verification = verified(stack)
    for table in (*summary_tables(summary), strategy_table(strategies)):
        screen.show(table)
    screen.show(verification_table(verification))
    told = {"strategies": [one.as_json() for one in strategies], "verify": verification.as_json()}
    screen.result(summary.as_json() | told)
    return Exit.FINE if verification.ok else Exit.CHECK_FAILED


def read_days(text: str) -> tuple[date, date]:
    """Reads `2018-02-05` or `2018-02-05..2018-02-06`. Raises BadInput BAD_DAY."""
    match = _DAYS.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        first = date.fromisoformat(match[1])
        last = date.fromisoformat(match[2]) if match[2] else first
    except ValueError:
        raise BadInput(
            "BAD_DAY", f"expected a day such as 2018-02-05, or 2018-02-05..2018-02-06, was {text!r}"
        ) from None
    if last < first:
        raise BadInput("BAD_DAY", f"the last day must not be before the first, was {first} to {last}")
    return first, last


def stop_at(day: date, until: datetime | None) -> datetime | None:
    """The wall clock of New York on a day, as UTC; None where none is given."""
    return None if until is None else datetime.combine(day, until.time(), EXCHANGE_TIME_ZONE).astimezone(UTC)


def clear(folder: Path) -> None:
    """Empties the demo's folder. Raises AlreadyRunning where a demo runs in it."""
    if folder.exists():
        with Claim(folder):
            shutil.rmtree(folder)
