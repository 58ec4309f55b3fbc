"""`agenttrader login` and `logout`: a session of the REST API, kept in the state folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from functions.core.errors import BadInput, NotAuthorised
from local.cli.exits import Exit
from local.cli.options import Json, State
from local.cli.screen import Screen, someone_to_ask
from local.cli.signed_in.opened import DEFAULT_PROFILE, Profile, opened, project_url, session_file
from local.client import Client, Session, models
from local.client.session import Kept


def login(
    email: Annotated[str, typer.Argument(help="The address that you signed up with.", metavar="EMAIL")],
    url: Annotated[
        str | None, typer.Option(help="The project; default AGENTTRADER_URL, else the local cloud.", metavar="URL")
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(help="-: read it from standard input. Else it is asked for, without echo.", metavar="-"),
    ] = None,
    code: Annotated[str | None, typer.Option(help="The code of your second factor, where you have one.")] = None,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """Sign in. The session is kept for the commands that need one, in a file that only you can read.

    Example: agenttrader login demo@example.com

    Example: agenttrader login me@example.com --url https://PROJECT.supabase.co --profile live --password - < secret
    """
    screen = Screen.open(as_json)
    file = session_file(profile, state)
    secret = SecretStr(_password(password))
    with Client(project_url(url, state)) as client:
        found = client.login(models.Login(email=email, password=secret))
        client.sign_in(Session.of(found.model_dump()))
        if found.factors and (code is not None or someone_to_ask()):
            given = code or typer.prompt(f"Code of {found.factors[0].name or 'your second factor'}", err=True)
            found = client.verify_factor(found.factors[0].id, models.FactorCode(code=given))
        Kept(client.url, email, Session.of(found.model_dump())).write(file)
    screen.say(f"{email} is signed in at {client.url}, by {_level(found)}.")
    if found.factors and found.level == "aal1":
        screen.say("What needs the second factor is refused in this session; sign in with --code for it.")
    screen.result({"email": email, "url": client.url, "user_id": str(found.user_id), "level": found.level})
    return Exit.FINE


def logout(
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="End every session of yours, not only this.")
    ] = False,
    profile: Profile = DEFAULT_PROFILE,
    as_json: Json = False,
    state: State = None,
) -> int:
    """End the session, and remove it from this machine.

    Example: agenttrader logout --everywhere
    """
    screen = Screen.open(as_json)
    file = session_file(profile, state)
    kept = Kept.read(file)
    ended = True
    try:
        with opened(profile, state) as client:
            client.logout(models.Logout(scope="global" if everywhere else "local"))
    except NotAuthorised:
        # It was over already: what is asked for is so.
        ended = False
    finally:
        _forget(file)
    screen.say(f"{kept.email} is signed out." if ended else f"The session of {kept.email} was over already.")
    screen.result({"email": kept.email, "ended": ended})
    return Exit.FINE


def _forget(file: Path) -> None:
    file.unlink(missing_ok=True)


def _level(session: models.Session) -> str:
    return "password and second factor" if session.level == "aal2" else "password"


def _password(source: str | None) -> str:
    """Raises BadInput where there is nobody to ask, or none was given."""
    if source is None:
        if not someone_to_ask():
            raise BadInput("NOBODY_TO_ASK", "there is nobody to ask here: give --password - and it on standard input")
        return str(typer.prompt("Password", hide_input=True, err=True))
    if source != "-":
        raise typer.BadParameter("expected -: a password is not written on a command line", param_hint="--password")
    given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise BadInput("NO_PASSWORD", "expected the password on the first line of standard input")
    return given
