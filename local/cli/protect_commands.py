"""`agenttrader exits ...`: protective exits of what is held, set and taken away as the account's owner."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import psycopg
import typer
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from functions.core.errors import BadInput
from functions.core.market_calendar import EXCHANGE_TIME_ZONE
from functions.core.money import text
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected, refusal
from local.cli.scopes import named_account, named_scope
from local.cli.screen import Screen, cell
from local.linking import as_person

Account = Annotated[str, typer.Option(help="The account's number, label or id.", metavar="ACCOUNT")]
Email = Annotated[str | None, typer.Option(help="Whose account, where several have the name.")]
_LIST = """
    select e.id, a.account_id as account, coalesce(s.name, 'manual') as owner, e.symbol, e.direction, e.status,
      e.stop_price, e.target_price, e.trail_amount, e.trail_percent, e.best_price, e.exit_at, e.delta_limit,
      e.underlying_below, e.underlying_above, nullif(e.held, 'here') as held,
      nullif(e.short_strike, false) as short_strike, e.triggered_by,
      e.blind_since
    from public.position_exits as e join public.broker_accounts as a on a.id = e.broker_account_id
    left join public.strategies as s on s.id = e.strategy_id
    where (%(account)s::uuid is null or a.id = %(account)s) and (%(every)s or e.status in ('armed', 'triggered'))
    order by e.created_at desc"""

exits = typer.Typer(no_args_is_help=True)


@exits.callback()
def _group() -> None:
    """Protective exits of positions: list, set, cancel.

    Example: agenttrader exits list
    """


@exits.command("list", short_help="Show the exits that watch a position.")
def list_exits(
    account: Annotated[str | None, typer.Option(help="One account; all without.", metavar="ACCOUNT")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    email: Email = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show the exits that watch a position, newest first: prices in dollars, times UTC.

    Example: agenttrader exits list --account PA3LOCAL0001
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "exits list") as connection:
        one = None if account is None else named_account(connection, account, email).id
        said = {"account": one, "every": every}
        found = connection.cursor(row_factory=dict_row).execute(_LIST.encode(), said).fetchall()
    rows = [{name: text(v) if isinstance(v, Decimal) else v for name, v in row.items()} for row in found]
    for row in rows:
        fired = "" if row["triggered_by"] is None else f", fired by its {row['triggered_by']}"
        screen.say(f"{row['symbol']} of {row['owner']}, {row['direction']}, {row['status']}{fired}: {terms_said(row)}")
        screen.say(f"  {row['id']}, account {row['account']}")
    if not rows:
        screen.say("No exit watches a position: set one with `agenttrader exits set`.")
    screen.result({"exits": rows})
    return Exit.FINE


@exits.command("set", short_help="Arm or change the exit of a position.")
def set_exit(
    symbol: Annotated[str, typer.Argument(help="What is held; of a package its leg 0.", metavar="SYMBOL")],
    account: Account,
    strategy: Annotated[
        str | None, typer.Option(help="Whose position: a strategy's, by name. Without: what was traded by hand.")
    ] = None,
    stop: Annotated[str | None, typer.Option(help="Out at this price or worse, dollars.", metavar="PRICE")] = None,
    target: Annotated[str | None, typer.Option(help="Out at this price or better, dollars.", metavar="PRICE")] = None,
    trail: Annotated[
        str | None, typer.Option(help="Out so many dollars behind the best price.", metavar="DOLLARS")
    ] = None,
    trail_percent: Annotated[
        str | None, typer.Option(help="Out so many percent behind the best price.", metavar="PERCENT")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Out at this time, such as '2018-02-05 15:30'; New York time without a zone.")
    ] = None,
    delta: Annotated[
        str | None, typer.Option(help="Sold options: out where their delta reaches this.", metavar="DELTA")
    ] = None,
    below: Annotated[
        str | None, typer.Option("--underlying-below", help="Options: out where it is bid here.", metavar="PRICE")
    ] = None,
    above: Annotated[
        str | None, typer.Option("--underlying-above", help="Options: out where it is offered here.", metavar="PRICE")
    ] = None,
    short_strike: Annotated[
        bool, typer.Option("--short-strike", help="Sold options: out where the underlying reaches the strike.")
    ] = False,
    held: Annotated[
        Literal["here", "broker"], typer.Option(help="broker: a stop or trail of shares rests there too.")
    ] = "here",
    email: Email = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Arm or change the exit of a position. It is said as a whole: what is left out is no part of it any more.

    Example: agenttrader exits set SPY --account PA3LOCAL0001 --strategy "RSI reversion" --stop 260 --target 280
    """
    screen = Screen.open(as_json)
    said: dict[str, Any] = {
        "stop_price": stop, "target_price": target, "trail_amount": trail, "trail_percent": trail_percent,
        "exit_at": None if at is None else _moment(at), "delta_limit": delta, "underlying_below": below,
        "underlying_above": above, "short_strike": short_strike or None,
        "held": held if held == "broker" else None,
    }  # fmt: skip
    terms = {name: value for name, value in said.items() if value is not None}
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "exits set") as connection:
        named = named_account(connection, account, email)
        owner = None if strategy is None else named_scope(connection, "strategy", strategy, email)
        call = "select public.set_position_exit(%s, %s, %s, %s)"
        armed = _asked(
            connection, named.owner, call, named.id, symbol.upper(), Jsonb(terms), None if owner is None else owner.id
        )
    whose = "what was traded by hand" if owner is None else owner.words
    screen.say(f"Armed for {symbol.upper()} of {whose} in {named.words}: {terms_said(terms)}.")
    screen.say(f"Take it away with: agenttrader exits cancel {armed}")
    screen.result({"exit": armed, "symbol": symbol.upper(), "terms": terms})
    return Exit.FINE


@exits.command("cancel", short_help="Take an exit away; the position stays.")
def cancel(
    exit_id: Annotated[str, typer.Argument(help="Its id: see `agenttrader exits list`.", metavar="EXIT")],
    as_json: Json = False,
    state: State = None,
) -> int:
    """Take an armed exit away; the position stays open. Exit 1 where it was over already.

    Example: agenttrader exits cancel 3f2a91c4-0000-4000-8000-000000000001
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "exits cancel") as connection:
        query = "select user_id from public.position_exits where id::text = %s"
        row = connection.execute(query, [exit_id]).fetchone()
        if row is None:
            raise BadInput("NO_SUCH_EXIT", f"no exit has the id {exit_id!r}; see `agenttrader exits list`")
        canceled = _asked(connection, row[0], "select public.cancel_position_exit(%s)", exit_id)
    screen.say("It is taken away; the position stays open." if canceled else "It was over already.")
    screen.result({"exit": exit_id, "canceled": canceled})
    return Exit.FINE if canceled else Exit.CHECK_FAILED


def terms_said(terms: Mapping[str, Any]) -> str:
    """What gets out, in words; prices in dollars."""
    words = {
        "stop_price": "stop {}", "target_price": "target {}", "trail_amount": "{} dollars behind the best price",
        "trail_percent": "{} % behind the best price", "exit_at": "at {}", "delta_limit": "delta {}",
        "underlying_below": "underlying at {} or below", "underlying_above": "underlying at {} or above",
    }  # fmt: skip
    said = [how.format(cell(terms[name])) for name, how in words.items() if terms.get(name) is not None]
    flags = {"short_strike": "underlying at the strike", "held": "resting at the broker too"}
    return ", ".join([*said, *(word for name, word in flags.items() if terms.get(name))])


def _asked(connection: psycopg.Connection[Any], owner: Any, call: str, *values: Any) -> Any:
    """The answer of a function to the owner, as the dashboard would ask it."""
    try:
        with as_person(connection, owner):
            row = connection.execute(call.encode(), values).fetchone()
            # The audit trail is written when the transaction ends: here it is still the trader who acts.
            connection.execute("set constraints all immediate")
    except psycopg.Error as error:
        raise refusal(error) from error
    return str(row[0]) if row and not isinstance(row[0], bool) else row and row[0]


def _moment(at: str) -> str:
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        raise BadInput("BAD_TIME", f"expected a time such as '2018-02-05 15:30', was {at!r}") from None
    return (read if read.tzinfo else read.replace(tzinfo=EXCHANGE_TIME_ZONE)).astimezone(UTC).isoformat()
