"""Whose orders a command means: everybody's, a person's, an account's or a strategy's, as they are named here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import psycopg

from functions.core.errors import BadInput, Refused
from local.why import find

ScopeName = Literal["global", "user", "account", "strategy"]


@dataclass(frozen=True, slots=True)
class NamedScope:
    """A scope: its id, its owner (both None for the global one), and what people call it."""

    scope: ScopeName
    id: UUID | None
    owner: UUID | None
    words: str

    @property
    def gate(self) -> str:
        """The key of its gate."""
        return "global" if self.id is None else f"{self.scope}:{self.id}"


def named_scope(
    connection: psycopg.Connection[Any], scope: ScopeName, name: str | None, email: str | None
) -> NamedScope:
    """The scope of this name; `email` says whose, where several have it.

    Raises BadInput where the name is missing, too much or not plain, and Refused where nothing has it.
    """
    if scope == "global":
        if name is not None:
            raise BadInput(
                "BAD_NAME", f"the global scope has no name, was {name!r}; say --scope user, account or strategy"
            )
        return NamedScope("global", None, None, "everybody")
    if name is None and (email is None or scope != "user"):
        raise BadInput("BAD_NAME", f"say which {scope}, by its {_NAMED_BY[scope]}")
    match scope:
        case "user":
            return named_user(connection, name or email or "")
        case "account":
            return named_account(connection, name or "", email)
        case "strategy":
            found = find(connection, name or "", email)
            row = connection.execute("select user_id from public.strategies where id = %s", [found.id]).fetchone()
            assert row is not None  # noqa: S101 - it was found
            return NamedScope("strategy", found.id, row[0], f"the strategy {found.name} of {found.email}")


def named_user(connection: psycopg.Connection[Any], name: str) -> NamedScope:
    """A person, by email address or id. Raises Refused NO_SUCH_USER."""
    row = connection.execute(
        "select id, email from auth.users where lower(email) = lower(%s) or id::text = %s", [name, name]
    ).fetchone()
    if row is None:
        raise Refused("NO_SUCH_USER", f"nobody here is {name}; sign them up with `agenttrader admin add EMAIL`")
    return NamedScope("user", row[0], row[0], str(row[1]))


def named_account(connection: psycopg.Connection[Any], name: str, email: str | None) -> NamedScope:
    """An account, by number, label or id. Raises Refused NO_SUCH_ACCOUNT, BadInput AMBIGUOUS_NAME."""
    rows = connection.execute(
        "select a.id, a.user_id, a.account_id, u.email from public.broker_accounts as a "
        "join auth.users as u on u.id = a.user_id where (a.account_id = %(name)s or a.id::text = %(name)s "
        "or a.label = %(name)s) and (%(email)s::text is null or lower(u.email) = lower(%(email)s)) "
        "order by a.status, u.email, a.id",
        {"name": name, "email": email},
    ).fetchall()
    if not rows:
        raise Refused("NO_SUCH_ACCOUNT", f"no account {name} is linked here; see `agenttrader account list`")
    if len(rows) > 1:
        listed = ", ".join(f"{row[0]} ({row[2]} of {row[3]})" for row in rows)
        raise BadInput(
            "AMBIGUOUS_NAME", f"several accounts are named {name!r}: say --email, or name one by its id: {listed}"
        )
    ((account, owner, number, whose),) = rows
    return NamedScope("account", account, owner, f"the account {number} of {whose}")


_NAMED_BY = {"user": "email address", "account": "number", "strategy": "name"}
