"""One ledger database as a test uses it: a superuser's session, and calls as the role that makes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

THREADS = 8
DECLARED = "-c app.actor=tests"
"""What the superuser's sessions say of themselves: an edit by somebody who does not raises an alert."""
# What DISCARD ALL does, but for the plans; and the counts of the session (of deadlocks above all) are told.
_AS_IF_JUST_OPENED = b"""
set session authorization default; reset role; reset all; unlisten *; discard temp; select pg_advisory_unlock_all();
select pg_stat_force_next_flush()
"""
_BECOME = b"""
select set_config('request.jwt.claims', %s, true), set_config('session_authorization', 'authenticator', true),
  set_config('role', %s, true)
"""

Connection = psycopg.Connection[tuple[Any, ...]]
Result = TypeVar("Result")


class Ledger:
    """A database: the superuser's session commits each statement at once; `call` acts as somebody else."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection: Connection = psycopg.connect(dsn, autocommit=True, options=DECLARED)
        # Sessions that are over. One that starts afresh reads every function that it calls: fifty calls' time.
        self._idle: list[Connection] = []

    def close(self) -> None:
        for connection in (self.connection, *self._idle):
            connection.close()

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A further session of the superuser in one transaction: committed at the end, rolled back by an error."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = psycopg.connect(self.dsn, options=DECLARED)
        try:
            yield connection
            connection.commit()
        finally:
            self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        """Kept for the next as if it had just been opened; one that was ended or cut off is let go."""
        try:
            connection.rollback()
            connection.autocommit = False
            connection.execute(_AS_IF_JUST_OPENED)
            connection.commit()
        except psycopg.Error:
            connection.close()
        else:
            self._idle.append(connection)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), values).fetchall()

    def one(self, query: str, *values: object) -> Any:
        """The first value of the only row."""
        (row,) = self.rows(query, *values)
        return row[0]

    def run(self, query: str, *values: object) -> None:
        self.connection.execute(query.encode(), values)

    def tamper(self, query: str, *values: object) -> None:
        """What only the owner of the database can do: a change that no trigger sees."""
        with self.session() as connection:
            connection.execute("set local session_replication_role = replica")
            connection.execute(query.encode(), values)

    def call(self, function: str, role: str, user: UUID | None = None, /, **arguments: Any) -> Any:
        """Calls a function of schema public as the role with its token's claims, in a transaction of its own."""
        with self.connection.transaction():
            return call(self.connection, function, role, user, **arguments)

    def run_as(self, role: str, user: UUID | None, query: str, *values: object) -> None:
        """One statement as the role with its token's claims, in a transaction of its own."""
        with self.connection.transaction():
            become(self.connection, role, user)
            self.connection.execute(query.encode(), values)

    def at_once(self, *works: Callable[[Connection], Result]) -> list[Result]:
        """Runs each work in a session and a thread of its own, all let go at the same moment; results in order.

        A work commits by itself where it ends a transaction; what is open at its end is committed.
        """
        start = threading.Barrier(len(works))

        def run(work: Callable[[Connection], Result]) -> Result:
            with self.session() as connection:
                start.wait()
                return work(connection)

        with ThreadPoolExecutor(len(works)) as pool:
            return [future.result() for future in [pool.submit(run, work) for work in works]]


@dataclass(frozen=True, slots=True)
class Direct:
    """The transport of a function's typed calls, under its role, without the way through REST."""

    ledger: Ledger
    role: str

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        return self.ledger.call(function, self.role, **arguments)


def call(connection: Connection, function: str, role: str, user: UUID | None = None, /, **arguments: Any) -> Any:
    """Calls a function as PostgREST would, in the transaction of the connection; afterwards it is nobody's again."""
    become(connection, role, user)
    row = connection.execute(
        sql.SQL("select public.{}({})").format(
            sql.Identifier(function),
            sql.SQL(", ").join(
                sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in arguments
            ),
        ),
        {name: _sent(value) for name, value in arguments.items()},
    ).fetchone()
    # What waits for the commit is done as the caller, although the transaction may go on as somebody else.
    connection.execute(b"set constraints all immediate; reset session authorization; set constraints all deferred")
    assert row is not None
    return row[0]


def _sent(value: Any) -> Any:
    if isinstance(value, dict | list):
        return Jsonb(value)
    # As in JSON, a number is no binary float: Postgres would not take it for a numeric argument.
    return Decimal(str(value)) if isinstance(value, float) else value


def become(connection: Connection, role: str, user: UUID | None = None, **claims: object) -> None:
    """Takes the role and the claims of its token until the transaction ends."""
    every = {"role": role} | ({"sub": str(user)} if user else {}) | claims
    # PostgREST logs in as authenticator and changes its role: the ledger tells such a session from one of the Studio.
    connection.execute(_BECOME, [json.dumps(every), role])


@contextmanager
def refused(code: str, status: int) -> Iterator[pytest.ExceptionInfo[psycopg.Error]]:
    """Expects a refusal with its stable code and the HTTP status that PostgREST answers with."""
    with pytest.raises(psycopg.Error) as error:
        yield error
    assert (error.value.sqlstate, str(error.value.diag.message_primary).split(":")[0]) == (f"PT{status}", code)
    assert error.value.diag.message_hint, "a refusal says what to do"


def answers(works: Sequence[Callable[[Connection], Any]]) -> list[Callable[[Connection], str]]:
    """The same works; each gives "done", or the code of the refusal that ended it. Another error stays an error."""

    def answer(work: Callable[[Connection], Any]) -> Callable[[Connection], str]:
        def run(connection: Connection) -> str:
            try:
                work(connection)
                connection.commit()
            except psycopg.Error as error:
                connection.rollback()
                if not str(error.sqlstate).startswith("PT"):
                    raise
                return str(error.diag.message_primary).split(":")[0]
            return "done"

        return run

    return [answer(work) for work in works]
