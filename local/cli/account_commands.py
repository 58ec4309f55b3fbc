"""`agenttrader account ...`: linking accounts at brokers in the local cloud, as their owner would in the dashboard."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import psycopg
import typer
from psycopg.rows import dict_row
from rich import box
from rich.table import Table

from functions.brokers.sealing import FIELDS, BadSeal, Purpose
from functions.core.errors import BadInput, Refused
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected, refusal
from local.cli.screen import Screen, someone_to_ask
from local.linking import Verdict, as_person, await_verdict, enter_credentials, link_account
from local.stack import Stack

Email = Annotated[str, typer.Argument(help="The owner's email address.", metavar="EMAIL")]
Broker = Annotated[Literal["alpaca", "tastytrade"], typer.Option(help="Whose account it is.")]
Number = Annotated[str, typer.Option(help="The account's number, as the broker's statements print it.")]
Live = Annotated[bool, typer.Option("--live", help="Real money is in it; without, it is a paper account.")]

NOTHING_READS_THE_MARKET = (
    "No data credential is entered here yet, so there are no quotes and no calendar, and entries are refused: "
    "enter one with --purpose data."
)

account = typer.Typer(no_args_is_help=True)


@account.callback()
def _group() -> None:
    """Accounts at brokers: link, list, unlink.

    Example: agenttrader account list
    """


@account.command("link", short_help="Link an account, enter its credential, wait until it is verified.")
def link(
    email: Email,
    broker: Broker,
    number: Number,
    live: Live = False,
    label: Annotated[str | None, typer.Option(help="The owner's name for it.")] = None,
    purpose: Annotated[
        Literal["trading", "data"], typer.Option(help="trading: the account's own key. data: reads the market.")
    ] = "trading",
    secrets: Annotated[
        str | None,
        typer.Option(
            help="- reads them from standard input as one JSON object; without, they are asked for.", metavar="-"
        ),
    ] = None,
    wait: Annotated[float, typer.Option(help="How many seconds to wait for the verdict.", min=0, max=600)] = 60,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Link an account, seal its credential and enter it, and wait until the broker was asked whose it is.

    Again with the same number: the credential is entered again. Exit 1 where it is refused, or not verified in time.

    Example: agenttrader account link alice@example.com --broker alpaca --number PA3XXXXXXXXX

    Example: agenttrader account link alice@example.com --broker tastytrade --number 5WX01234 --secrets - < login.json
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    fields = secrets_of(broker, secrets)
    entered = _entered(stack, email, broker, number, label, purpose, fields, is_paper=not live)
    if purpose == "data":
        screen.say(f"The {broker} data credential of {number} is entered.")
        screen.result({"account": str(entered), "purpose": purpose})
        return Exit.FINE
    with (
        screen.waiting(f"Asking {broker} whose credential it is"),
        psycopg.connect(stack.database_url, autocommit=True) as connection,
    ):
        verdict = await_verdict(
            connection, entered, wait, lambda heard: screen.note(f"Not yet: {heard.code}: {heard.reason}.")
        )
        reads_market = _anything_reads_the_market(connection)
    screen.say(sentence(number, verdict, live=live))
    if not reads_market:
        screen.say(NOTHING_READS_THE_MARKET)
    screen.result({"account": str(entered), "number": number, **_shown(verdict)})
    return Exit.FINE if verdict.state == "verified" else Exit.CHECK_FAILED


@account.command("list", short_help="Show the linked accounts, and whether they are verified.")
def list_accounts(
    email: Annotated[str | None, typer.Argument(help="Whose; everybody's without.", metavar="EMAIL")] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Show the linked accounts, and whether the broker was asked whose they are.

    Example: agenttrader account list alice@example.com
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "account") as connection:
        rows = (
            connection.cursor(row_factory=dict_row)
            .execute(
                "select u.email as owner, a.id::text as account, a.broker, a.account_id as number, a.label, "
                "case when a.is_paper then 'paper' else 'live' end as kind, a.status, "
                "case when a.trading_entered_at is null then 'no credential' else a.link_state end as state, "
                "a.link_code as code, a.link_reason as reason from public.broker_accounts as a "
                "join auth.users as u on u.id = a.user_id where %s::text is null or lower(u.email) = lower(%s) "
                "order by u.email, a.created_at, a.id",
                [email, email],
            )
            .fetchall()
        )
    table = Table(title="Linked accounts", title_justify="left", box=box.SIMPLE)
    for column in ("owner", "broker", "number", "kind", "label", "status", "state"):
        # A number is typed again, to link and to unlink: it stays in one piece.
        table.add_column(column, overflow="fold", no_wrap=column == "number")
    for row in rows:
        table.add_row(*(row[str(column.header)] or "" for column in table.columns))
    if rows:
        screen.show(table)
    else:
        whose = "" if email is None else f" of {email}"
        screen.say(f"No account{whose} is linked here; `agenttrader account link --help` says how to link one.")
    for row in rows:
        if row["reason"]:
            screen.say(f"{row['number']}: {row['code']}: {row['reason']}.")
    screen.result({"accounts": rows})
    return Exit.FINE


@account.command("unlink", short_help="End the use of an account; refused while anything is open on it.")
def unlink(
    email: Email,
    broker: Broker,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
    live: Live = False,
    as_json: Json = False,
    state: State = None,
) -> int:
    """End the use of an account: its credentials are wiped, its history stays. Refused with what is open on it.

    Example: agenttrader account unlink alice@example.com --broker alpaca --number PA3XXXXXXXXX --reason "moved away"
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    with connected(stack, "account") as connection:
        user = _owner(connection, email)
        row = connection.execute(
            "select id from public.broker_accounts "
            "where user_id = %s and broker = %s and account_id = %s and is_paper = %s",
            [user, broker, number, not live],
        ).fetchone()
        if row is None:
            raise Refused("NO_SUCH_ACCOUNT", f"{email} has no such account; see `agenttrader account list {email}`")
        try:
            with as_person(connection, user):
                connection.execute("select public.unlink_account(%s, %s)", [row[0], reason])
        except psycopg.Error as error:
            raise refusal(error) from error
    screen.say(f"{number} is unlinked; its credentials are gone.")
    screen.result({"account": str(row[0]), "number": number, "status": "unlinked"})
    return Exit.FINE


def _entered(
    stack: Stack,
    email: str,
    broker: str,
    number: str,
    label: str | None,
    purpose: Purpose,
    fields: Mapping[str, str],
    *,
    is_paper: bool,
) -> UUID:
    with connected(stack, "account") as connection:
        user = _owner(connection, email)
        try:
            linked = link_account(connection, user, broker, number, label, is_paper=is_paper)
            enter_credentials(connection, linked, purpose, fields)
        except BadSeal as error:
            # Here it was typed a moment ago, and nothing was linked.
            raise BadInput(error.code, f"{error.text}; nothing was linked or entered") from error
        except psycopg.Error as error:
            raise refusal(error) from error
    return linked


def _anything_reads_the_market(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(
        "select exists (select from public.broker_accounts where status = 'active' and data_entered_at is not null)"
    ).fetchone()
    return row is not None and bool(row[0])


def _owner(connection: psycopg.Connection[Any], email: str) -> UUID:
    row = connection.execute("select id from auth.users where lower(email) = lower(%s)", [email]).fetchone()
    if row is None:
        raise Refused("NO_SUCH_USER", f"nobody here is {email}; sign them up with `agenttrader admin add {email}`")
    return UUID(str(row[0]))


def secrets_of(broker: str, source: str | None) -> dict[str, str]:
    """The fields of a credential: typed without echo, or one JSON object on standard input. Raises BadInput."""
    names = sorted(FIELDS[broker])
    if source is None:
        if not someone_to_ask():
            raise BadInput("NOBODY_TO_ASK", "there is nobody to ask here: give --secrets - and one JSON object")
        return {name: typer.prompt(f"{broker} {name}", hide_input=True, err=True) for name in names}
    if source != "-":
        raise typer.BadParameter("expected -: a secret is not written on a command line", param_hint="--secrets")
    try:
        given = json.load(sys.stdin)
    except ValueError:
        given = None
    if not isinstance(given, dict) or sorted(given) != names or not all(isinstance(one, str) for one in given.values()):
        # Nothing of what was read is said: it may be a secret.
        raise BadInput("BAD_SECRETS", f"expected one JSON object with the texts {' and '.join(names)}, and no others")
    return given


def sentence(number: str, verdict: Verdict, *, live: bool) -> str:
    """What a verdict means for the owner."""
    why = "" if verdict.code is None else f" {verdict.code}: {verdict.reason}."
    if verdict.state == "verified":
        consent = " Entries need `confirm_live` first: sign in with a second factor and confirm it." if live else ""
        return f"{number} is verified; its balances and positions are on record.{why}{consent}"
    if verdict.state == "refused":
        return f"{number} is refused.{why}"
    return f"{number} is not verified yet; it is tried again by itself, see `agenttrader account list`.{why}"


def _shown(verdict: Verdict) -> dict[str, str | None]:
    return {"state": verdict.state, "code": verdict.code, "reason": verdict.reason}
