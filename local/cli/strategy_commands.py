"""`agenttrader strategy ...`: the kinds that there are, whether a config fits one, how a new one begins and lives."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from functions.strategy.catalogue import examine, kinds, package_of
from functions.strategy.interface import Strategy
from local.cli import strategy_life_commands
from local.cli.exits import Exit
from local.cli.options import Json
from local.cli.screen import Screen
from local.cli.strategy_config import Config, Kind, Symbols, config_of, symbols_of
from local.cli.strategy_skeleton import write_skeleton
from local.verify import how_many

strategy = typer.Typer(no_args_is_help=True)
strategy.command("create", short_help="Write a strategy of a person here, as a draft.")(strategy_life_commands.create)
strategy.command("start", short_help="Start a strategy, from where the tape stands.")(strategy_life_commands.start)
strategy.command("stop", short_help="Stop a strategy, and say what becomes of what is open.")(
    strategy_life_commands.stop
)


@strategy.callback()
def _group() -> None:
    """Kinds of strategy: list, check, new. Strategies here: create, start, stop.

    Example: agenttrader strategy list
    """


@strategy.command("list", short_help="Show every kind, and where it is from.")
def list_kinds(as_json: Json = False) -> int:
    """Show every kind of strategy, its title, and whether it is built in or which package brings it.

    Example: agenttrader strategy list
    """
    screen = Screen.open(as_json)
    found = [
        {"kind": kind, "title": each.title, "from": package_of(kind) or "built-in"}
        for kind, each in sorted(kinds().items())
    ]
    table = Table(box=box.SIMPLE)
    for column in ("kind", "title", "from"):
        table.add_column(column, overflow="fold")
    for row in found:
        table.add_row(row["kind"], row["title"], row["from"])
    screen.show(table)
    screen.result({"kinds": found})
    return Exit.FINE


@strategy.command("check", short_help="Say everything that is wrong with a config.")
def check(kind: Kind, config: Config = "{}", symbols: Symbols = None, as_json: Json = False) -> int:
    """Say everything that is wrong with a config, or what the strategy needs. Exit 1 where something is wrong.

    Example: agenttrader strategy check rsi_reversion --config '{"period": 10}' --symbols SPY,QQQ
    """
    screen = Screen.open(as_json)
    given = config_of(config)
    found = examine(kind, given, symbols_of(symbols, ("SPY",)))
    if not isinstance(found, Strategy):
        for problem in found:
            screen.say(f"{problem.code}: {problem.text}")
        screen.result({"kind": kind, "valid": False, "problems": [asdict(problem) for problem in found]})
        return Exit.CHECK_FAILED
    inputs = found.inputs().data()
    needs = [f"{inputs['timeframe']} bars of {', '.join(inputs['symbols'])}, {inputs['warm_up']} to warm up"]
    needs += [f"{count} bars of {timeframe}" for timeframe, count in inputs["context"].items()]
    needs += [
        f"the chain of {each['underlying']}, {each['days_from']} to {each['days_to']} days" for each in inputs["chains"]
    ]
    screen.say(f"{kind}: the config is valid. It needs {'; '.join(needs)}.")
    screen.result({"kind": kind, "valid": True, "problems": [], "inputs": inputs})
    return Exit.FINE


@strategy.command("new", short_help="Write the skeleton of a strategy package.")
def new(
    name: Annotated[str, typer.Argument(help="Its kind, such as my_breakout.", metavar="NAME")],
    folder: Annotated[
        Path, typer.Option(help="Where its folder is made; default here.", metavar="DIR", file_okay=False)
    ] = Path(),
    as_json: Json = False,
) -> int:
    """Write a package with one strategy in one file, a test that passes, and what to do next. Overwrites nothing.

    Example: agenttrader strategy new my_breakout
    """
    screen = Screen.open(as_json)
    made = write_skeleton(name, folder)
    files = sorted(each.name for each in made.iterdir())
    screen.say(f"{made} has {how_many(len(files), 'file')}: {', '.join(files)}. README.md says how to go on.")
    screen.result({"folder": str(made.resolve()), "files": files})
    return Exit.FINE
