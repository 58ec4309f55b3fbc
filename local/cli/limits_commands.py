"""`agenttrader limits ...`: what risk is held to, read and set by the machine's owner, or as a trader would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from rich import box
from rich.table import Table

from functions.core.errors import BadInput
from functions.core.money import text
from functions.risk.limit_kinds import LIMIT_KINDS
from functions.risk.limits import LimitKind
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected, refusal
from local.cli.scopes import NamedScope, ScopeName, named_scope, named_user
from local.cli.screen import Screen, cell
from local.linking import as_person

Limit = Annotated[str, typer.Argument(help="Which limit: see `agenttrader limits kinds`.", metavar="LIMIT")]
Scope = Annotated[ScopeName, typer.Option(help="Whose orders it is held against.")]
Of = Annotated[
    str | None, typer.Option(help="The person's address, the account's number or the strategy's name.", metavar="NAME")
]
Symbol = Annotated[str | None, typer.Option(help="For this symbol alone.")]
Email = Annotated[
    str | None, typer.Option(help="Do it as this trader, who may what they may. Without: as an administrator.")
]
_WHERE = (
    "(%(owner)s::uuid is null or l.user_id is null or l.user_id = %(owner)s) "
    "and (%(name)s::text is null or l.name = %(name)s)"
)
_WORDS = (
    "case l.scope when 'global' then 'everybody' when 'user' then u.email when 'account' then a.account_id "
    "else s.name end as of, l.symbol, l.name"
)
_MORE = (
    "l.parameters, l.act, concat_ws(' ', (select string_agg(p.key || '=' || p.value, ' ' order by p.key) "
    "from jsonb_each_text(l.parameters) as p), l.act) as more"
)
_JOINS = (
    "left join auth.users as u on u.id = l.user_id left join public.broker_accounts as a on a.id = l.broker_account_id "
    "left join public.strategies as s on s.id = l.strategy_id"
)

limits = typer.Typer(no_args_is_help=True)


@limits.callback()
def _group() -> None:
    """Limits of risk: list, set, remove, kinds, history.

    Example: agenttrader limits list
    """


@limits.command("kinds", short_help="Show every limit that can be set, or all about one.")
def kinds(
    limit: Annotated[str | None, typer.Argument(help="One of them, with all that it takes.", metavar="LIMIT")] = None,
    as_json: Json = False,
) -> int:
    """Show every limit that can be set: its default, its unit, which way is stricter. Of one, all that it takes.

    Example: agenttrader limits kinds position_limit
    """
    screen = Screen.open(as_json)
    found = list(LIMIT_KINDS.values()) if limit is None else [_kind(limit)]
    table = Table(title="Limits that can be set", title_justify="left", box=box.SIMPLE)
    for column in ("limit", "family", "default", "unit", "stricter is"):
        table.add_column(column, overflow="fold", no_wrap=column == "limit")
    for kind in found:
        table.add_row(kind.name, kind.family, _default(kind), kind.unit, kind.tighter)
    screen.show(table)
    if limit is not None:
        for line in _card(found[0]):
            screen.say(line)
    else:
        screen.say("The strictest that applies counts. All about one: agenttrader limits kinds LIMIT")
    screen.result({"kinds": [_shown(kind) for kind in found]})
    return Exit.FINE


@limits.command("list", short_help="Show the limits that are set.")
def list_limits(
    limit: Annotated[str | None, typer.Argument(help="One kind of limit; all without.", metavar="LIMIT")] = None,
    email: Annotated[str | None, typer.Option(help="Those of a person, and everybody's.")] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show the limits that are set; where none is, the default of `agenttrader limits kinds` holds.

    Example: agenttrader limits list --email demo@example.com
    """
    query = (
        f"select l.scope, {_WORDS}, trim_scale(l.value)::text as value, l.unit, {_MORE}, "  # noqa: S608
        "case when l.set_by_administrator then 'administrator' else 'owner' end as set_by, l.changed_by, l.updated_at "
        f"from public.risk_limits as l {_JOINS} where l.value is not null and {_WHERE} "
        "order by l.name, array_position(array['global', 'user', 'account', 'strategy'], l.scope), 2, 3"
    )
    shown = ("name", "scope", "of", "symbol", "value", "unit", "more", "set_by")
    return _list(query, "limits", shown, "No limit is set: the defaults hold.", limit, email, 0, as_json, state)


@limits.command("history", short_help="Show who changed which limit, before and after.")
def history(
    limit: Annotated[str | None, typer.Argument(help="One kind of limit; all without.", metavar="LIMIT")] = None,
    last: Annotated[int, typer.Option(help="So many changes, newest first.", min=1, max=1000)] = 50,
    email: Annotated[str | None, typer.Option(help="Those of a person, and everybody's.")] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show who changed which limit when, with the value before and after; without a value it was removed.

    Example: agenttrader limits history position_limit
    """
    query = (
        f"select l.at, l.actor, l.scope, {_WORDS}, trim_scale(l.value_before)::text as before, "  # noqa: S608
        f"trim_scale(l.value)::text as value, l.unit, {_MORE} "
        f"from public.risk_limit_versions as l {_JOINS} where {_WHERE} order by l.at desc limit %(last)s"
    )
    shown = ("at", "actor", "name", "of", "symbol", "before", "value", "unit", "more")
    return _list(query, "history", shown, "No limit was ever set.", limit, email, last, as_json, state)


@limits.command("set", short_help="Set a limit, from this moment on.")
def set_limit(
    limit: Limit,
    value: Annotated[str, typer.Argument(help="Its value, in the unit of its kind.", metavar="VALUE")],
    scope: Scope = "global",
    of: Of = None,
    symbol: Symbol = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="A further number of this limit; what is left out has its default.", metavar="NAME=VALUE"),
    ] = None,
    act: Annotated[str | None, typer.Option(help="What is done when it is broken, where that can be chosen.")] = None,
    email: Email = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Set a limit. What is approved from now on was judged by it. What an administrator set, only one changes.

    Example: agenttrader limits set position_limit 500 --scope account --of PA3LOCAL0001

    Example: agenttrader limits set capital_limit 25000 --scope user --email demo@example.com
    """
    screen = Screen.open(as_json)
    kind = _kind(limit)
    parameters = dict(_parameter(said) for said in parameter or [])

    def call(connection: psycopg.Connection[Any], meant: NamedScope) -> Any:
        said = [meant.scope, meant.id, limit, value, kind.unit, symbol, Jsonb(parameters), act]
        return connection.execute("select public.set_limit(%s, %s, %s, %s, %s, %s, %s, %s)", said).fetchone()

    meant, answer = _changed(state, scope, of, email, call)
    screen.say(f"{limit} of {meant.words}{_for(symbol)} is {value} {kind.unit}, from now on.")
    if kind.acts:
        screen.say(f"Broken, it acts: {act or kind.acts[0]}.")
    screen.result({"limit": answer, "name": limit, "scope": meant.scope, "value": value, "unit": kind.unit})
    return Exit.FINE


@limits.command("remove", short_help="Remove a limit; its history stays.")
def remove(
    limit: Limit,
    scope: Scope = "global",
    of: Of = None,
    symbol: Symbol = None,
    email: Email = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Remove a limit: the next wider one holds, or the default of its kind. Exit 1 where there was none.

    Example: agenttrader limits remove position_limit --scope account --of PA3LOCAL0001
    """
    screen = Screen.open(as_json)
    kind = _kind(limit)

    def call(connection: psycopg.Connection[Any], meant: NamedScope) -> Any:
        said = [meant.scope, meant.id, limit, symbol]
        return connection.execute("select public.remove_limit(%s, %s, %s, %s)", said).fetchone()

    meant, removed = _changed(state, scope, of, email, call)
    left = f"Where no wider one is set, its default holds: {_default(kind)}."
    none = f"There is no {limit} of {meant.words}{_for(symbol)}; see `agenttrader limits list`."
    screen.say(f"{limit} of {meant.words}{_for(symbol)} is removed. {left}" if removed else none)
    screen.result({"removed": removed, "name": limit, "scope": meant.scope})
    return Exit.FINE if removed else Exit.CHECK_FAILED


def _changed(
    state: Any,
    scope: ScopeName,
    of: str | None,
    email: str | None,
    call: Callable[[psycopg.Connection[Any], NamedScope], Any],
) -> tuple[NamedScope, Any]:
    """Calls as the trader of this address, else as the owner of the database: to the ledger an administrator."""
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "limits") as connection:
        meant = named_scope(connection, scope, of, email)
        trader = None if email is None else named_user(connection, email).id
        try:
            if trader is None:
                row = call(connection, meant)
            else:
                with as_person(connection, trader):
                    row = call(connection, meant)
                    # The audit trail is written when the transaction ends: here it is still the trader who acts.
                    connection.execute("set constraints all immediate")
        except psycopg.Error as error:
            raise refusal(error) from error
    return meant, row[0] if row else None


def _list(
    query: str, what: str, shown: tuple[str, ...], none: str, limit: str | None, email: str | None, last: int,
    as_json: bool, state: Any,
) -> int:  # fmt: skip
    screen = Screen.open(as_json)
    if limit is not None:
        _kind(limit)
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "limits") as connection:
        owner = None if email is None else named_user(connection, email).id
        said = {"owner": owner, "name": limit, "last": last}
        rows = connection.cursor(row_factory=dict_row).execute(query.encode(), said).fetchall()
    # What is empty everywhere takes the room that names need.
    columns = [column for column in shown if any(row[column] not in (None, "") for row in rows)]
    table = Table(title=what.capitalize(), title_justify="left", box=box.SIMPLE)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column == "name")
    for row in rows:
        table.add_row(*(cell(row[column]) for column in columns))
    if rows:
        screen.show(table)
    else:
        screen.say(none)
    screen.result({what: rows})
    return Exit.FINE


def _card(kind: LimitKind) -> Iterator[str]:
    yield kind.summary
    yield f"It is set for: {', '.join(kind.scopes)}."
    for one in kind.parameters:
        yield f"--parameter {one.name}={text(one.default)}: {one.summary} ({one.unit})"
    if kind.acts:
        yield f"--act {', '.join(kind.acts)}: what is done when it is broken; the first where nobody says."
    if kind.source is not None:
        yield f"It needs data that is not everywhere: {kind.source}."


def _kind(limit: str) -> LimitKind:
    kind = LIMIT_KINDS.get(limit)
    if kind is None:
        raise BadInput("UNKNOWN_LIMIT", f"expected one of {', '.join(LIMIT_KINDS)}, was {limit!r}")
    return kind


def _parameter(said: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not (name and equals and value):
        raise BadInput("BAD_LIMIT_PARAMETER", f"expected NAME=VALUE, was {said!r}")
    return name, value


def _for(symbol: str | None) -> str:
    return "" if symbol is None else f" for {symbol}"


def _default(kind: LimitKind) -> str:
    return "off" if kind.default is None else text(kind.default)


def _shown(kind: LimitKind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "family": kind.family,
        "unit": kind.unit,
        "default": None if kind.default is None else text(kind.default),
        "tighter": kind.tighter,
        "scopes": list(kind.scopes),
        "parameters": {
            one.name: {"unit": one.unit, "default": text(one.default), "summary": one.summary}
            for one in kind.parameters
        },
        "acts": list(kind.acts),
        "source": kind.source,
        "summary": kind.summary,
    }
