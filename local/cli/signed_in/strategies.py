"""`agenttrader strategies`: those of whoever is signed in. `agenttrader strategy` is of kinds, and of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from local.cli.exits import Exit
from local.cli.options import Json, State
from local.cli.screen import Screen, cell
from local.cli.signed_in.opened import DEFAULT_PROFILE, Profile, opened, strategy_named
from local.cli.signed_in.rows import plain, show
from local.cli.signed_in.trades import Last
from local.client import models

strategies = typer.Typer(no_args_is_help=True)
Given = Annotated[str, typer.Argument(help="Its name or id.", metavar="STRATEGY")]


@strategies.callback()
def _group() -> None:
    """Strategies of whoever is signed in (`agenttrader login`): list, activate, deactivate.

    Example: agenttrader strategies list
    """


@strategies.command("list", short_help="Show your strategies.")
def list_strategies(
    last: Last = 200, profile: Profile = DEFAULT_PROFILE, as_json: Json = False, state: State = None
) -> int:
    """Show your strategies, the newest first.

    Example: agenttrader strategies list
    """
    columns: Mapping[str, Callable[[models.Strategy], Any]] = {
        "name": lambda row: row.name,
        "kind": lambda row: row.kind,
        "status": lambda row: row.status,
        "symbols": lambda row: row.symbols,
        "timeframe": lambda row: row.timeframe,
        "version": lambda row: row.strategy_version,
        "id": lambda row: row.id,
    }
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        show(screen, "strategies", client.all_strategies(), columns, last)
    return Exit.FINE


@strategies.command("activate", short_help="Start a strategy.")
def activate(given: Given, profile: Profile = DEFAULT_PROFILE, as_json: Json = False, state: State = None) -> int:
    """Start a strategy: it decides on bars that end from now on. What the ledger warns of is printed.

    Example: agenttrader strategies activate "RSI reversion"
    """
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        named = strategy_named(client, given)
        answer = client.activate_strategy(named.id, models.Activation())
    screen.say(f"{named.name} is {answer.status}. It decides on bars that end after {cell(answer.decides_after)}.")
    for warning in answer.warnings:
        screen.say(f"{warning.code}: {warning.text}")
    screen.result(plain(answer))
    return Exit.FINE


@strategies.command("deactivate", short_help="Stop a strategy, and say what becomes of what is open.")
def deactivate(
    given: Given,
    then: Annotated[
        Literal["leave", "cancel_orders", "flatten"],
        typer.Option(help="What becomes of what is open: it stays, its entries are cancelled, or all is closed."),
    ] = "leave",
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Stop a strategy from deciding, at once.

    Example: agenttrader strategies deactivate "RSI reversion" --then flatten
    """
    screen = Screen.open(as_json)
    with opened(profile, state) as client:
        named = strategy_named(client, given)
        answer = client.deactivate_strategy(named.id, models.Deactivation(then=then))
    screen.say(f"{named.name} is {answer.status} ({answer.then}).")
    screen.result(plain(answer))
    return Exit.FINE
