"""A throw-away Postgres with the whole ledger in it: built once per machine, cloned for each test.

The steps are those of `local/supervisor/preparation.py`: the platform's schemas, the bus, the gateway's auth tables,
our migrations, the seed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from functions.core.wiring import WIRING_FILE
from local import bootstrap
from local.bus import schema as bus_schema
from local.migrations import migrate
from local.postgres import PostgresServer
from local.stack import PROJECT
from local.supervisor import tools
from tests.throw_away_postgres import Preparation, throw_away_postgres

TEMPLATE = "ledger_template"
BREAK = "AGENTTRADER_TEST_BREAK"
"""Names the way in which every clone is broken: see tests/breaking."""
_WAIT_SECONDS = 30.0

_TABLES = """
  select c.oid::regclass as source, format('kept.%I', n.nspname || ' ' || c.relname) as copy
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind = 'r' and (n.nspname in ('public', 'private') or c.oid = 'auth.users'::regclass)
"""
_REMEMBER = f"""
create schema kept;
do $$
declare t record;
begin
  for t in {_TABLES} loop
    execute format('create table %s as table %s', t.copy, t.source);
  end loop;
end $$;
"""
_RESTORE = f"""
do $$
declare
  t record;
  has_rows boolean;
begin
  for t in {_TABLES} loop
    execute format('delete from %s', t.source);
    -- A table that a test made (a month of bars) was not there when it was prepared.
    continue when to_regclass(t.copy) is null;
    -- What nobody has when it is prepared needs no copy: auth.users has columns that cannot be written.
    execute format('select exists (select from %s)', t.copy) into has_rows;
    if has_rows then
      execute format('insert into %s overriding system value table %s', t.source, t.copy);
    end if;
  end loop;
end $$;
"""  # noqa: S608 - names of the catalogue


@dataclass
class LedgerServer:
    """One Postgres server that clones the prepared ledger in a fraction of a second."""

    server: PostgresServer
    _names: Iterator[int] = field(default_factory=count)

    @contextmanager
    def clone(self) -> Iterator[str]:
        """The address of a fresh ledger of its own, as the superuser; dropped at the end."""
        name = f"ledger_{next(self._names)}"
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute(
                # Copying files costs a checkpoint, and half of what copying through the log costs.
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE)
                )
            )
            try:
                dsn = self.server.dsn(database=name)
                if (broken := os.environ.get(BREAK)) is not None:
                    with psycopg.connect(dsn) as owner:
                        import_module("tests.breaking.breaks").apply(broken, owner)
                yield dsn
            finally:
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _make_template(server: PostgresServer, folder: Path) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE}".encode())
    prepare(server.dsn(database=TEMPLATE), folder / "storage")


_LOCAL = PROJECT / "local"
LEDGER = Preparation(
    "ledger",
    (
        *(_LOCAL / name for name in ("bootstrap", "bus", "gateway", "migrations.py", "sql_statements.py")),
        _LOCAL / "package-lock.json",
        PROJECT / "requirements.lock",
        PROJECT / "supabase" / "migrations",
        PROJECT / "supabase" / "seed.sql",
        WIRING_FILE,
        Path(__file__),
    ),
    _make_template,
)


@contextmanager
def ledger_server() -> Iterator[LedgerServer]:
    """Starts Postgres with the prepared ledger in it; stopped and removed at the end."""
    with throw_away_postgres(LEDGER) as running:
        yield LedgerServer(running.server)


def prepare_platform(dsn: str, storage: Path) -> None:
    """Gives an empty database what a Supabase project has before its first migration, and the bus."""
    bootstrap.apply(dsn)
    bus_schema.apply(dsn, publisher_password="publisher", dispatcher_password="dispatcher")
    _prepare_gateway(dsn, storage)


def prepare(dsn: str, storage: Path) -> None:
    """Makes an empty database a ledger."""
    prepare_platform(dsn, storage)
    migrate(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute((PROJECT / "supabase" / "seed.sql").read_bytes())
        connection.execute(_REMEMBER)


def restore(connection: psycopg.Connection) -> None:
    """Makes a used ledger as it was when it was prepared: much quicker than another clone."""
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(_RESTORE)


def _prepare_gateway(dsn: str, storage: Path) -> None:
    node = tools.node()
    assert node is not None, "node is not installed"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENTTRADER_")}
    own = {"AGENTTRADER_JWT_SECRET": "a-secret-of-the-ledger-tests-with-more-than-32-bytes"}
    command = [node, str(PROJECT / "local" / "gateway" / "main.ts"), "--prepare", "--port", "1"]
    command += ["--database-url", dsn, "--storage-folder", str(storage)]
    done = subprocess.run(command, env=kept | own, capture_output=True, text=True, timeout=_WAIT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
