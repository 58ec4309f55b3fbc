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
from local.sql_statements import Statement, split, without_comments

FOLDER = Path(__file__).resolve().parents[1] / "supabase" / "migrations"

_NAME = re.compile(r"^(?P<version>\d+)_(?P<name>[A-Za-z0-9_-]+)\.sql$")
# With one of these of its own, a file that fails later would stay there in part.
_ENDS_TRANSACTION = re.compile(
    r"(begin|start transaction|commit|end|rollback|abort|prepare transaction)\b", re.IGNORECASE
)
# Two `up` at once must not both apply the same file. The number only has to be ours.
_LOCK = 4_727_301_100
_FRESH = (
    "start a fresh database: end the cloud with `agenttrader down`, move the state folder away (.agenttrader, or "
    "AGENTTRADER_STATE), and run `agenttrader up` again"
)
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
    has not), MIGRATION_CHANGED (a file says something else than when it was applied), MIGRATION_ENDS_ITSELF (it has a
    COMMIT or the like), MIGRATION_FAILED (file, line of the statement and Postgres's message). Nothing of a file that
    failed is applied, those before it are. Database connection errors of psycopg pass through.
    """
    migrations = _read_folder(folder)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        connection.execute(_HISTORY)
        rows = connection.execute("select version, statements from supabase_migrations.schema_migrations").fetchall()
        applied: dict[str, list[str] | None] = dict(rows)
        pending = _pending(migrations, set(applied))
        _refuse_changed(migrations, applied)
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
            f"the database has migrations that the folder has not; bring their files back, or {_FRESH}",
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


def _refuse_changed(migrations: list[Migration], applied: dict[str, list[str] | None]) -> None:
    """What was applied must be what the files say; a comment outside of a statement's quotes may have changed."""
    changed: list[str] = []
    for migration in migrations:
        recorded = applied.get(migration.version)
        if recorded is None:  # Not applied, or marked as applied by hand: then nobody knows what was run.
            continue
        said = [statement.text for statement in split(migration.path.read_text(encoding="utf-8"))]
        if recorded != said and _meaning(recorded) != _meaning(said):
            changed.append(migration.path.name)
    if changed:
        raise Misconfigured(
            "MIGRATION_CHANGED",
            f"{', '.join(changed)} was changed after this database was made with it; bring the file back and write a "
            f"later migration, or, as long as nothing in the database is worth keeping, {_FRESH}",
            files=", ".join(changed),
        )


def _meaning(statements: list[str]) -> list[str]:
    return [meant for meant in map(without_comments, statements) if meant]


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    statements = split(migration.path.read_text(encoding="utf-8"))
    for statement in statements:
        if _ENDS_TRANSACTION.match(without_comments(statement.text)):
            raise Misconfigured(
                "MIGRATION_ENDS_ITSELF",
                f"{migration.path.name}, line {statement.line}: take out BEGIN, COMMIT and the like; a migration is "
                "one transaction, which begins and ends by itself",
                file=migration.path.name,
                line=statement.line,
            )
    at = Statement("", 1, 1)
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
        line = _line_of(at, error)
        message = str(error).strip()
        raise Misconfigured(
            "MIGRATION_FAILED",
            f"{migration.path.name}, line {line}: {message}",
            file=migration.path.name,
            line=line,
            statement=statements.index(at) + 1 if at in statements else 0,
        ) from error


def _line_of(statement: Statement, error: psycopg.Error) -> int:
    """The line of the file that Postgres points at, or the statement's first where it points at none."""
    position = error.diag.statement_position
    if position is None:
        return statement.line
    return statement.begins + statement.text.count("\n", 0, int(position) - 1)
