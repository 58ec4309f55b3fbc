"""`agenttrader admin ...` and `agenttrader studio`: administration of the local cloud, by whoever owns this machine.

The commands call the ledger's own functions as the owner of the database; nothing is done here that the Studio, or an
administrator with a second factor, could not do.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import webbrowser
from typing import Annotated, Any, Literal

import jwt
import psycopg
import typer

from functions.core.errors import Refused
from local.cli.cloud_commands import running_pid
from local.cli.exits import Exit
from local.cli.options import Json, State, found_stack
from local.cli.owner import connected, refusal
from local.cli.people import sign_up as signed_up
from local.cli.screen import Screen
from local.stack import Stack

LINK_SECONDS = 60

Email = Annotated[str, typer.Argument(help="The person's email address.", metavar="EMAIL")]
Role = Annotated[Literal["trader", "viewer"], typer.Option(help="A viewer reads their desk and writes nothing.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit trail.")]

admin = typer.Typer(
    name="admin",
    help="Users, invitations and administrators of the local cloud.\n\n"
    "Example: agenttrader admin add alice@example.com",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@admin.command("add", short_help="Sign a person up here, without the dashboard.")
def add(
    email: Email,
    invitation: Annotated[
        str | None, typer.Option(help="The token of `admin invite`; needed while sign-up is closed.", metavar="TOKEN")
    ] = None,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Sign a person up here, without the dashboard. The password is made, and shown once.

    Example: agenttrader admin add alice@example.com
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    password = secrets.token_urlsafe(12)
    user = signed_up(stack, email, password, details={"invitation": invitation} if invitation else None)
    screen.say(f"{email} is signed up. The password:\n\n  {password}\n")
    screen.result({"user": str(user), "email": email, "password": password})
    return Exit.FINE


@admin.command("grant")
def grant(
    email: Email, reason: Reason = "granted on the machine itself", as_json: Json = False, state: State = None
) -> int:
    """Make a signed-up person an administrator.

    Example: agenttrader admin grant alice@example.com
    """
    return _say(
        "grant_administrator", [email, reason], f"{email} is an administrator from the next sign-in on.", as_json, state
    )


@admin.command("revoke")
def revoke(email: Email, reason: Reason, as_json: Json = False, state: State = None) -> int:
    """End a person's rights as administrator, at once.

    Example: agenttrader admin revoke alice@example.com --reason "left the firm"
    """
    return _say("revoke_administrator", [email, reason], f"{email} is no administrator any more.", as_json, state)


@admin.command("invite")
def invite(
    email: Email,
    desk: Annotated[str | None, typer.Option(help="The desk they come to; made where it is new.")] = None,
    role: Role = "trader",
    days: Annotated[int, typer.Option(help="How long the invitation lasts.", min=1, max=90)] = 7,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Invite an address to sign up. The token is shown once.

    Example: agenttrader admin invite bob@example.com --desk options --role viewer
    """
    return _say("invite_user", [email, desk, role, days], f"{email} may sign up with the token:", as_json, state)


@admin.command("desk", short_help="Put a user on a desk, as a trader or a viewer.")
def desk(
    email: Email,
    name: Annotated[str, typer.Argument(help="The desk; made where it is new.", metavar="DESK")],
    role: Role = "trader",
    as_json: Json = False,
    state: State = None,
) -> int:
    """Put a user on a desk: a trader writes their own rows, a viewer reads those of the desk's traders.

    Example: agenttrader admin desk bob@example.com options --role viewer
    """
    return _say("set_desk", [email, name, role], f"{email} is a {role} of {name}.", as_json, state)


@admin.command("disable", short_help="Shut a user out at once; exits go on.")
def disable(email: Email, reason: Reason, as_json: Json = False, state: State = None) -> int:
    """Shut a user out at once: no sign-in, no reading, no entries; exits go on, nothing is deleted.

    Example: agenttrader admin disable bob@example.com --reason "left the firm"
    """
    return _say("disable_user", [email, reason], f"{email} is shut out.", as_json, state)


@admin.command("enable")
def enable(email: Email, as_json: Json = False, state: State = None) -> int:
    """Let a user in again. Their strategies stay stopped until they start them.

    Example: agenttrader admin enable bob@example.com
    """
    return _say("enable_user", [email], f"{email} is let in again.", as_json, state)


@admin.command("sign-up")
def sign_up(
    mode: Annotated[Literal["open", "closed"], typer.Argument(help="Whether anybody may sign up.", metavar="MODE")],
    as_json: Json = False,
    state: State = None,
) -> int:
    """Open sign-up to everybody, or close it to those who were invited.

    Example: agenttrader admin sign-up closed
    """
    return _say("set_sign_up", [mode], f"Sign-up is {mode}.", as_json, state)


def studio(
    email: Annotated[
        str | None, typer.Argument(help="The administrator; needed where there are several.", metavar="EMAIL")
    ] = None,
    browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Print a link that opens the studio for an administrator: once, within a minute, on this machine.

    Example: agenttrader studio alice@example.com
    """
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    user, name = _administrator(stack, email)
    link = studio_link(stack, user)
    screen.say(f"The studio, as {name}; the link works once, within {LINK_SECONDS} s:\n\n  {link}\n")
    screen.result({"administrator": name, "link": link})
    if browser:
        webbrowser.open(link)
    return Exit.FINE


def studio_link(stack: Stack, user: str) -> str:
    """A link to the studio that works once."""
    # As local/gateway/studio_session.ts: a key of its own, so that the link is no token of the API.
    key = hmac.new(stack.secrets.jwt_secret.encode(), b"studio", hashlib.sha256).hexdigest()
    now = int(time.time())
    claims = {"purpose": "enter", "sub": user, "jti": secrets.token_hex(16), "iat": now, "exp": now + LINK_SECONDS}
    return f"{stack.url('gateway')}/studio/enter?link={jwt.encode(claims, key, algorithm='HS256')}"


def _administrator(stack: Stack, email: str | None) -> tuple[str, str]:
    with connected(stack, "admin") as connection:
        found = connection.execute(
            "select u.id::text, u.email from auth.users as u where private.is_current_administrator(u.id) "
            "and (%s::text is null or lower(u.email) = lower(%s)) order by u.email",
            [email, email],
        ).fetchall()
    if len(found) == 1:
        user, name = found[0]
        return str(user), str(name)
    if email is not None or not found:
        who = f"{email} is no administrator here" if email else "nobody is an administrator here"
        raise Refused(
            "NO_ADMINISTRATOR",
            f"{who}; make one with `agenttrader admin grant EMAIL`, of somebody who is signed up "
            "(`agenttrader admin add EMAIL`)",
        )
    raise Refused(
        "WHICH_ADMINISTRATOR",
        f"there are several: `agenttrader studio EMAIL` with one of {', '.join(name for _, name in found)}",
    )


def _say(function: str, arguments: list[Any], sentence: str, as_json: bool, state: Any) -> int:
    screen = Screen.open(as_json)
    stack = found_stack(state)
    running_pid(stack)
    answer = _call(stack, function, arguments)
    screen.say(sentence)
    if isinstance(answer, dict) and "token" in answer:
        screen.say(f"\n  {answer['token']}\n")
    if isinstance(answer, dict) and answer.get("accounts_with_credentials"):
        kept = ", ".join(answer["accounts_with_credentials"])
        screen.say(f"Credentials stay where something is open, to close it; run this again when it is closed: {kept}.")
    screen.result({"done": function, "answer": answer})
    return Exit.FINE


def _call(stack: Stack, function: str, arguments: list[Any]) -> Any:
    places = ", ".join(["%s"] * len(arguments))
    with connected(stack, "admin") as connection:
        try:
            row = connection.execute(f"select public.{function}({places})".encode(), arguments).fetchone()
        except psycopg.Error as error:
            raise refusal(error) from error
    return row[0] if row else None
