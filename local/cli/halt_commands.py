"""`agenttrader halt`: the kill switch, by whoever owns this machine, as an administrator pulls it in the Studio."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

import psycopg
import typer
from psycopg.rows import dict_row
from rich import box
from rich.table import Table
from typer.core import TyperGroup

from functions.core.errors import BadInput
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected, refusal
from local.cli.scopes import NamedScope, ScopeName, named_scope
from local.cli.screen import Screen, cell
from local.stack import Stack

Name = Annotated[
    str | None,
    typer.Argument(help="The person's address, the account's number or the strategy's name.", metavar="NAME"),
]
Scope = Annotated[ScopeName, typer.Option(help="Whose trading: everybody's, or that of NAME.")]
Reason = Annotated[str, typer.Option(help="Why; kept on record.")]
Email = Annotated[str | None, typer.Option(help="Whose account or strategy, where several have the name.")]
_LOOK_SECONDS: Final = 0.5
_PROGRESS = (
    "select gate_key, mode, spare_exits, reason, engaged_by, engaged_at, working_entries, working_exits, "
    "open_positions, complete, flat_at from public.halt_progress "
    "where %(gate)s::text is null or gate_key = %(gate)s order by gate_key"
)
_HISTORY = (
    "select gate_key, action, mode, reason, by_whom, at from public.trading_halts "
    "where %(gate)s::text is null or gate_key = %(gate)s order by id desc limit %(last)s"
)


class _EngagesByDefault(TyperGroup):
    """`agenttrader halt --reason ...` engages: in an emergency nobody looks for a subcommand."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named or not args else ["engage", *args])


halt = typer.Typer(cls=_EngagesByDefault, no_args_is_help=True)


@halt.callback()
def _group() -> None:
    """Stop trading at once, see how far a halt is, lift it. Without a subcommand it engages.

    Example: agenttrader halt --flatten --reason "something is wrong"
    """


@halt.command("engage", short_help="Engage the kill switch; also `agenttrader halt` alone.")
def engage(
    reason: Reason,
    name: Name = None,
    scope: Scope = "global",
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel working entries too.")] = False,
    flatten: Annotated[bool, typer.Option("--flatten", help="Cancel them, and close every position.")] = False,
    include_exits: Annotated[bool, typer.Option("--include-exits", help="Cancel working exits too.")] = False,
    wait: Annotated[float, typer.Option(help="How many seconds to wait until it is done.", min=0, max=3600)] = 60,
    email: Email = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Stop trading: no entry passes from this moment. Exits and cancels still pass.

    Exit 1 where it is not done in time; it goes on by itself, also while the broker does not answer.

    Example: agenttrader halt engage --scope account PA3LOCAL0001 --cancel --reason "odd fills"
    """
    screen = Screen.open(as_json)
    if cancel and flatten:
        raise BadInput("BAD_MODE", "say --cancel or --flatten: flattening cancels too")
    if include_exits and not (cancel or flatten):
        raise BadInput("BAD_MODE", "--include-exits goes with --cancel or --flatten")
    mode = "flatten" if flatten else "cancel_working" if cancel else "no_new_entries"
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "halt") as connection:
        meant = named_scope(connection, scope, name, email)
        try:
            row = connection.execute(
                "select public.close_gate(%s, %s, %s, %s)", [meant.gate, reason, mode, not include_exits]
            ).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
    assert row is not None  # noqa: S101 - a function answers
    for line in blocked(meant, row[0]):
        screen.say(line)
    progress = _await(screen, stack, meant.gate, wait)
    screen.say(_how_far(progress))
    screen.result(row[0] | progress)
    return Exit.FINE if progress["complete"] else Exit.CHECK_FAILED


@halt.command("status", short_help="Show what is halted, and how far each halt is.")
def status(
    name: Name = None,
    scope: Scope = "global",
    last: Annotated[int, typer.Option(help="So many rows of the history too.", min=0, max=500)] = 0,
    email: Email = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show what is halted, by whom and why, and what is still open behind it. Without a NAME all of it.

    Example: agenttrader halt status --last 10
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "halt status") as connection:
        gate = None if name is None else named_scope(connection, scope, name, email).gate
        found = _rows(connection, _PROGRESS, gate=gate)
        history = _rows(connection, _HISTORY, gate=gate, last=last)
    if found:
        screen.show(_table("Halts", found, ("gate_key", "mode", "reason", "engaged_by", "engaged_at")))
    else:
        screen.say("Nothing is halted.")
    for one in found:
        screen.say(f"{one['gate_key']}: {_how_far(one)}")
    if history:
        screen.show(_table("History, newest first", history, tuple(history[0])))
    screen.result({"halts": found, "history": history})
    return Exit.FINE


@halt.command("lift", short_help="Lift a halt, with a reason.")
def lift(
    reason: Reason,
    name: Name = None,
    scope: Scope = "global",
    email: Email = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Lift a halt: entries pass again. Another halt on their way still stops them.

    Example: agenttrader halt lift --reason "the feed is back"
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "halt lift") as connection:
        meant = named_scope(connection, scope, name, email)
        was = _rows(connection, _PROGRESS, gate=meant.gate)
        try:
            row = connection.execute("select public.open_gate(%s, %s)", [meant.gate, reason]).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
    assert row is not None  # noqa: S101 - a function answers
    screen.say(f"Trading of {meant.words} goes on." if was else f"Nothing was halted for {meant.words}.")
    screen.result(row[0] | {"was_closed": bool(was)})
    return Exit.FINE


def blocked(meant: NamedScope, answer: dict[str, Any]) -> list[str]:
    """Exactly what a halt stops and what it lets pass, as it is in force: that may be harder than what was asked."""
    lines = [
        f"HALTED: {meant.words} ({answer['gate_key']}), {answer['mode']}: {answer['reason']}",
        "Blocked from this moment: every order that may open something, placed, approved or on its way to the broker.",
        "Still pass: orders that only reduce a position, and cancels.",
    ]
    if answer["mode"] != "no_new_entries":
        spared = "Working exits are left alone." if answer["spare_exits"] else "Working exits are canceled too."
        lines.append(f"Working entries are canceled. {spared}")
    if answer["mode"] == "flatten":
        lines.append("Every position in the scope is closed, round by round, while the market is open.")
    scope = "" if meant.id is None else f" --scope {meant.scope} {meant.id}"
    return [*lines, f"Lift it with: agenttrader halt lift{scope} --reason TEXT"]


def _await(screen: Screen, stack: Stack, gate: str, seconds: float) -> dict[str, Any]:
    """Until it is done, or the time is over; each change is a line, on a terminal one that is alive."""
    until = time.monotonic() + seconds
    before = ""
    with screen.waiting("Halting") as alive:
        while True:
            with connected(stack, "halt") as connection:
                found = _rows(connection, _PROGRESS, gate=gate)
            # Lifted meanwhile, by somebody else: nothing of it is left to be done.
            progress = found[0] if found else {"gate_key": gate, "complete": True, "lifted": True}
            shown = _how_far(progress)
            if alive is not None:
                alive.update(shown)
            elif shown != before and not progress["complete"]:
                screen.note(shown)
            before = shown
            if progress["complete"] or time.monotonic() >= until:
                return progress
            time.sleep(_LOOK_SECONDS)  # the rows are the truth, and other processes write them


def _how_far(progress: dict[str, Any]) -> str:
    if progress.get("lifted"):
        return "Lifted meanwhile."
    entries, exits, positions = (progress[f] for f in ("working_entries", "working_exits", "open_positions"))
    is_open = f"{_many(entries, 'working entry', 'working entries')}, {_many(exits, 'working exit', 'working exits')}, "
    is_open += _many(positions, "open position", "open positions")
    if progress["complete"]:
        return f"Done. Open: {is_open}."
    return f"Not done yet. Open: {is_open}. It goes on by itself: agenttrader halt status"


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _rows(connection: psycopg.Connection[Any], query: str, **values: Any) -> list[dict[str, Any]]:
    return connection.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()


def _table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(row[column]) for column in columns))
    return table
