"""Applies `supabase/migrations/*.sql` in order and records them as the Supabase CLI does, so that `db push` agrees.

A migration is named `<version>_<name>.sql`, the version being digits (the CLI's are UTC times). Each runs in a
transaction of its own, together with its record: it is there completely or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from functions.core.errors import Misconfigured
from local.sql_statements import Statement, split

FOLDER = Path(__file__).resolve().parents[1] / "supabase" / "migrations"

_NAME = re.compile(r"^(?P<version>\d+)_(?P<name>[A-Za-z0-9_-]+)\.sql$")
# Two `up` at once must not both apply the same file. The number only has to be ours.
_LOCK = 4_727_301_100
_HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text not null primary key,
  statements text[],
  name text
);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the folder."""

    version: str
    name: str
    path: Path


def migrate(dsn: str, folder: Path = FOLDER) -> list[str]:
    """Applies what the database at `dsn` does not have yet; returns the applied file names, in order.

    Raises Misconfigured: MIGRATION_NAME (a file is not named like a migration, or two have one version),
    MIGRATION_ORDER (a new file is older than one already applied), MIGRATION_GONE (the database has one that the folder
    has not), MIGRATION_FAILED (file, line of the statement and Postgres's message; nothing of that file is applied,
    those before it are). Database connection errors of psycopg pass through.
    """
    migrations = _read_folder(folder)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        connection.execute(_HISTORY)
        rows = connection.execute("select version from supabase_migrations.schema_migrations").fetchall()
        applied = {str(row[0]) for row in rows}
        pending = _pending(migrations, applied)
        for migration in pending:
            _apply(connection, migration)
        return [migration.path.name for migration in pending]


def _read_folder(folder: Path) -> list[Migration]:
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.match(path.name)
        if match is None:
            raise Misconfigured(
                "MIGRATION_NAME",
                f"{path.name} is not named like a migration; expected <digits>_<name>.sql, as the Supabase CLI does",
                file=path.name,
            )
        version = match["version"]
        if version in found:
            raise Misconfigured(
                "MIGRATION_NAME",
                f"{path.name} and {found[version].path.name} have the same version; give one of them a later one",
                version=version,
            )
        found[version] = Migration(version, match["name"], path)
    return sorted(found.values(), key=lambda migration: migration.version)


def _pending(migrations: list[Migration], applied: set[str]) -> list[Migration]:
    gone = applied - {migration.version for migration in migrations}
    if gone:
        raise Misconfigured(
            "MIGRATION_GONE",
            "the database has migrations that the folder has not; bring their files back, or start a fresh database",
            versions=", ".join(sorted(gone)),
        )
    pending = [migration for migration in migrations if migration.version not in applied]
    latest = max(applied, default="")
    late = [migration.path.name for migration in pending if migration.version < latest]
    if late:
        raise Misconfigured(
            "MIGRATION_ORDER",
            f"a new migration is older than {latest}, which is already applied; give it a later version",
            files=", ".join(late),
        )
    return pending


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    statements = split(migration.path.read_text(encoding="utf-8"))
    at = Statement("", 1)
    try:
        with connection.transaction():
            for at in statements:
                connection.execute(at.text.encode())
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                (migration.version, migration.name, [statement.text for statement in statements]),
            )
            # A SET in one migration (dumps set search_path) must not reach into the next.
            connection.execute(sql.SQL("reset all"))
    except psycopg.Error as error:
        line = at.line + _lines_into(at, error)
        message = str(error).strip()
        raise Misconfigured(
            "MIGRATION_FAILED",
            f"{migration.path.name}, line {line}: {message}",
            file=migration.path.name,
            line=line,
            statement=statements.index(at) + 1 if at in statements else 0,
        ) from error


def _lines_into(statement: Statement, error: psycopg.Error) -> int:
    """Lines from the statement's start to the place Postgres points at; 0 where it points at none."""
    position = error.diag.statement_position
    return statement.text.count("\n", 0, int(position) - 1) if position else 0
