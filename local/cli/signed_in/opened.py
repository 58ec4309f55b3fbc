"""The client of a command: as the person of a kept session, or as the program whose key stands in the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from functions.core.errors import BadInput, Refused
from local.cli.options import found_stack
from local.client import Client, Session, models
from local.client.session import Kept
from local.stack import default_state

Profile = Annotated[
    str,
    typer.Option(help="Which of your kept sessions; default `default`.", metavar="NAME", envvar="AGENTTRADER_PROFILE"),
]
DEFAULT_PROFILE: Final = "default"
KEY: Final = "AGENTTRADER_API_KEY"
URL: Final = "AGENTTRADER_URL"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def session_file(profile: str, state: Path | None) -> Path:
    """Where a session is kept. Raises BadInput BAD_PROFILE."""
    if not _NAME.fullmatch(profile):
        raise BadInput("BAD_PROFILE", f"a profile is letters, digits, - and _, was {profile!r}")
    return (default_state() if state is None else state.resolve()) / "sessions" / f"{profile}.json"


def project_url(url: str | None, state: Path | None) -> str:
    """The project that is meant: named, else AGENTTRADER_URL, else the local cloud. Raises Misconfigured NO_STACK."""
    return url or os.environ.get(URL) or found_stack(state).url("gateway")


@contextmanager
def opened(profile: str, state: Path | None) -> Iterator[Client]:
    """A client that may ask. A renewed session is kept at once: the one before counts no more.

    Raises Misconfigured NOT_SIGNED_IN.
    """
    key = os.environ.get(KEY)
    if key:
        with Client(project_url(None, state), key=key) as client:
            yield client
        return
    file = session_file(profile, state)
    kept = Kept.read(file)

    def keep(session: Session) -> None:
        replace(kept, session=session).write(file)

    with Client(kept.url, session=kept.session, on_renewed=keep) as client:
        yield client


def account_named(client: Client, name: str) -> models.BrokerAccount:
    """A linked account by its number, label or id. Raises Refused NO_SUCH_ACCOUNT, SEVERAL_ACCOUNTS."""
    linked = list(client.all_broker_accounts(status="active"))
    found = [one for one in linked if name in (one.number, one.label, str(one.id))]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused("SEVERAL_ACCOUNTS", f"{len(found)} accounts are called {name!r}; say the number or the id")
    there = ", ".join(one.number for one in linked) or "none"
    raise Refused("NO_SUCH_ACCOUNT", f"you have no linked account {name!r}; there are: {there}")


def strategy_named(client: Client, name: str) -> models.Strategy:
    """A strategy by its name or id. Raises Refused NO_SUCH_STRATEGY."""
    for one in client.all_strategies():
        if name in (one.name, str(one.id)):
            return one
    raise Refused("NO_SUCH_STRATEGY", f"you have no strategy {name!r}; see `agenttrader strategies list`")


def id_of(text: str, what: str) -> UUID:
    """Raises BadInput BAD_ID."""
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("BAD_ID", f"the id of {what} is a UUID, was {text!r}") from None
