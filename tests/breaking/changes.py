"""How a ledger is broken: a function rewritten, a trigger or a constraint gone, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

_LEDGER = "tests/integration/ledger"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A function in which each text is replaced; a text that is not there any more is an error."""

    function: str
    texts: tuple[tuple[str, str], ...]

    def apply(self, connection: psycopg.Connection) -> None:
        row = connection.execute("select pg_get_functiondef(to_regproc(%s))", [self.function]).fetchone()
        definition = row[0] if row else None
        assert definition, f"there is no function {self.function}"
        for old, new in self.texts:
            assert old in definition, f"{self.function} has no {old!r}: say anew how it is broken"
            definition = definition.replace(old, new)
        connection.execute(definition)


@dataclass(frozen=True, slots=True)
class Sql:
    """Statements of the owner of the database."""

    text: str

    def apply(self, connection: psycopg.Connection) -> None:
        connection.execute(self.text.encode())


@dataclass(frozen=True, slots=True)
class Break:
    """What is broken, the invariant that it belongs to, and the tests of which one must fail."""

    invariant: int
    changes: tuple[Rewrite | Sql, ...]
    noticed_by: tuple[str, ...] = field()


def rewrite(function: str, *texts: tuple[str, str]) -> Rewrite:
    return Rewrite(function, texts)


def drop_trigger(table: str, name: str) -> Sql:
    return Sql(f"drop trigger {name} on {table}")


def drop_constraint(table: str, name: str) -> Sql:
    return Sql(f"alter table {table} drop constraint {name} cascade")


def ledger(file: str, test: str) -> str:
    return f"{_LEDGER}/{file}.py::{test}"


MATRIX = "tests/security/test_matrix.py::"
