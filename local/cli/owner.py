"""The ledger as the commands reach it: as the owner of its database, with the name of whoever is at the machine."""

from __future__ import annotations

import getpass
from typing import Any

import psycopg

from functions.core.errors import AgentTraderError, Refused, Unavailable
from local.stack import Stack


def connected(stack: Stack, command: str) -> psycopg.Connection[Any]:
    """A transaction that begins with the declared name. Raises Unavailable NO_DATABASE."""
    try:
        connection = psycopg.connect(stack.database_url, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Unavailable("NO_DATABASE", f"Postgres does not answer: {error}; see `agenttrader status`") from error
    connection.execute("select set_config('app.actor', %s, true)", [f"agenttrader {command}, {getpass.getuser()}"])
    return connection


def refusal(error: psycopg.Error) -> AgentTraderError:
    """What the ledger said, as the error of a command."""
    code, _, numbers = str(error.diag.message_primary).partition(": ")
    if not str(error.sqlstate).startswith("PT"):
        return Refused("LEDGER_REFUSED", str(error.diag.message_primary))
    return Refused(code, " ".join(part for part in (str(error.diag.message_hint), numbers) if part))
