"""`agenttrader strategy create`, `start` and `stop`: a person's strategy in the local cloud."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import psycopg
import typer

from functions.core.errors import Refused
from functions.core.market_calendar import exchange_time
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected, refusal
from local.cli.screen import Screen
from local.cli.strategy_config import Config, Kind, config_of, symbols_of
from local.conductor.market import Market
from local.linking import as_person
from local.stack import Stack
from local.starting import start_strategies
from local.why import Named, find

Given = Annotated[str, typer.Argument(help="The strategy's name or id.", metavar="STRATEGY")]
Owner = Annotated[str | None, typer.Option(help="Whose strategy, where several have the name.")]


def create(
    kind: Kind,
    email: Annotated[str, typer.Argument(help="Whose it is.", metavar="EMAIL")],
    number: Annotated[str, typer.Option(help="The number of the linked account that it trades on.")],
    name: Annotated[str, typer.Option(help="What it is called.")],
    symbols: Annotated[str, typer.Option(help="Its symbols, by commas.", metavar="SYMBOL,...")],
    config: Config = "{}",
    timeframe: Annotated[str, typer.Option(help="1Min, 5Min, 15Min, 1Hour or 1Day.")] = "1Min",
    exits_by: Annotated[str, typer.Option(help="Who watches its planned exits: strategy or watched.")] = "strategy",
    as_json: Json = False,
    state: State = None,
) -> int:
    """Write a strategy as a draft; `agenttrader strategy start` starts it.

    Example: agenttrader strategy create rsi_reversion a@example.com --number PA3SECOND001 --name Mine --symbols SPY
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    given = json.dumps(config_of(config))
    with connected(stack, "strategy create") as connection:
        user, account = _account(connection, email, number)
        try:
            with as_person(connection, user):
                row = connection.execute(
                    "insert into public.strategies (user_id, broker_account_id, name, kind, config, symbols, timeframe,"
                    " exits_by) values (%s, %s, %s, %s, %s, %s, %s, %s) returning id",
                    [user, account, name, kind, given, list(symbols_of(symbols, ())), timeframe, exits_by],
                ).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
    assert row is not None  # noqa: S101 - an insert returns its row
    screen.say(f"{name} is a draft. Start it with: agenttrader strategy start '{name}'")
    screen.result({"strategy": str(row[0]), "name": name, "status": "draft"})
    return Exit.FINE


def start(given: Given, email: Owner = None, as_json: Json = False, state: State = None) -> int:
    """Start a strategy: it decides on bars that end after the moment at which the tape stands.

    Waits up to a minute for the verdict on its newest version and on its account.

    Example: agenttrader strategy start "My breakout"
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    named = _found(stack, given, email)
    with closing(Market.of(stack)) as market:
        now = market.state().now
    with screen.waiting(f"Starting {named.name}"), connected(stack, "strategy start") as connection:
        connection.commit()
        connection.autocommit = True
        try:
            start_strategies(connection, [named.id], now)
            # Safe to call again: it answers what is in force.
            row = connection.execute("select public.activate_strategy(%s, %s)", [named.id, now]).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
    answer = row[0] if row else {}
    after = datetime.fromisoformat(answer["decides_after"])
    shown = f"{exchange_time(after):%Y-%m-%d %H:%M:%S} ET"
    screen.say(f"{named.name} is active. It decides on {named.timeframe} bars that end after {shown}.")
    for warning in answer["warnings"]:
        screen.say(f"{warning['code']}: {warning['text']}")
    if after > now:
        screen.say(
            f"THE_TAPE_IS_BEHIND: the tape stands at {exchange_time(now):%Y-%m-%d %H:%M:%S} ET, and an earlier start "
            "named a later moment. Until then it decides nothing; create another one."
        )
    screen.say(f"See what it decides: agenttrader why '{named.name}' --last 10")
    screen.result(answer)
    return Exit.FINE


def stop(
    given: Given,
    then: Annotated[
        Literal["leave", "cancel_orders", "flatten"],
        typer.Option(help="What becomes of what is open: it stays, its entries are canceled, or all is closed."),
    ] = "leave",
    email: Owner = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Stop a strategy from deciding, at once. Asked again, it says how far it is.

    Example: agenttrader strategy stop "My breakout" --then flatten
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    named = _found(stack, given, email)
    with connected(stack, "strategy stop") as connection:
        owner = connection.execute("select user_id from public.strategies where id = %s", [named.id]).fetchone()
        assert owner is not None  # noqa: S101 - it was found
        try:
            with as_person(connection, owner[0]):
                row = connection.execute("select public.deactivate_strategy(%s, %s)", [named.id, then]).fetchone()
                progress = connection.execute(
                    "select complete, waiting_for from public.deactivation_progress where strategy_id = %s", [named.id]
                ).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
    answer = row[0] if row else {}
    complete, waiting = progress or (True, None)
    left = "; ".join(f"{what}: {text}" for what, text in answer["open"].items()) or "nothing"
    screen.say(f"{named.name} is {answer['status']} ({answer['then']}). Open: {left}.")
    if not complete:
        screen.say(f"It waits for: {waiting}. It goes on by itself; ask again to see how far it is.")
    screen.result({**answer, "complete": complete, "waiting_for": waiting})
    return Exit.FINE


def _found(stack: Stack, given: str, email: str | None) -> Named:
    with connected(stack, "strategy") as connection:
        return find(connection, given, email)


def _account(connection: psycopg.Connection[Any], email: str, number: str) -> tuple[UUID, UUID]:
    row = connection.execute(
        "select a.user_id, a.id from public.broker_accounts as a join auth.users as u on u.id = a.user_id "
        "where lower(u.email) = lower(%s) and a.account_id = %s and a.status <> 'unlinked' "
        "order by a.created_at limit 1",
        [email, number],
    ).fetchone()
    if row is None:
        raise Refused(
            "NO_SUCH_ACCOUNT", f"{email} has no linked account {number}; see `agenttrader account list {email}`"
        )
    return row[0], row[1]
