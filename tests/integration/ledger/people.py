"""People with tokens: administrators, viewers, and what each of them tries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import sql

from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Connection, Ledger

SECOND_FACTOR = {"aal": "aal2"}
CLAIM = {"app_metadata": {"administrator": True}}


@contextmanager
def signed_in(ledger: Ledger, user: UUID, **claims: Any) -> Iterator[Connection]:
    """A transaction of somebody with a token; what it changed is kept."""
    with ledger.session() as connection:
        every = {"role": "authenticated", "sub": str(user), "aal": "aal1"} | claims
        connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(every)])
        connection.execute("set local session authorization authenticator")
        connection.execute("set local role authenticated")
        yield connection


def ask(connection: Connection, function: str, **arguments: Any) -> Any:
    """Calls a function of schema public as whoever the connection is."""
    call = sql.SQL("select public.{}({})").format(
        sql.Identifier(function),
        sql.SQL(", ").join(sql.SQL("{} => {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in arguments),
    )
    return connection.execute(call, arguments).fetchone()[0]  # type: ignore[index]


def claims_for(ledger: Ledger, user: UUID, **claims: Any) -> dict[str, Any]:
    """The claims of the next token of a user, as the hook leaves what Auth would have put there."""
    event = {"user_id": str(user), "claims": {"sub": str(user), **claims}, "authentication_method": "password"}
    with ledger.session() as connection:
        connection.execute("set local role supabase_auth_admin")
        row = connection.execute("select private.custom_access_token(%s)", [json.dumps(event)]).fetchone()
    assert row is not None
    return dict(row[0]["claims"])


def as_administrator(ledger: Ledger, administrator: UUID, function: str, **arguments: Any) -> Any:
    """Calls a function with an administrator's token and second factor."""
    with signed_in(ledger, administrator, **SECOND_FACTOR, **CLAIM) as connection:
        return ask(connection, function, **arguments)


def new_administrator(ledger: Ledger) -> UUID:
    """Granted by the owner of the database."""
    user = new_user(ledger)
    ledger.run("select public.grant_administrator(%s, 'a test needs one')", str(user))
    return user


def new_viewer(ledger: Ledger, desk: str, *traders: UUID) -> UUID:
    """A viewer of a desk on which these traders are."""
    viewer = new_user(ledger)
    for person, role in [(viewer, "viewer"), *((trader, "trader") for trader in traders)]:
        ledger.run("select public.set_desk(%s, %s, %s)", str(person), desk, role)
    return viewer
