"""A throw-away Postgres with the whole ledger in it: built once per test session, cloned for each test.

The steps are those of `local/supervisor/preparation.py`: the platform's schemas, the bus, the gateway's auth tables,
our migrations, the seed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from local import bootstrap
from local.bus import schema as bus_schema
from local.migrations import migrate
from local.postgres import PostgresServer
from local.stack import PROJECT
from local.supervisor import tools

TEMPLATE = "ledger_template"
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


def free_ports(how_many: int) -> int:
    """The first of so many neighbouring ports that are free now, below the range of outgoing connections."""
    for first in random.sample(range(23_000, 32_000), 500):
        if all(_is_free(port) for port in range(first, first + how_many)):
            return first
    raise AssertionError("no free ports were found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


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
                yield self.server.dsn(database=name)
            finally:
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def ledger_server() -> Iterator[LedgerServer]:
    """Starts Postgres, prepares the ledger in it; stopped and removed at the end."""
    # Postgres runs as another user where the tests run as root, and pytest's own folders are closed to others.
    state = Path(tempfile.mkdtemp(prefix="agenttrader-ledger-"))
    state.chmod(0o711)
    server = PostgresServer(state / "postgres", free_ports(1), "password", durable=False)
    process = server.start()
    try:
        _wait_for(server.dsn(), process)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(f"create database {TEMPLATE}".encode())
        prepare(server.dsn(database=TEMPLATE), state / "storage")
        yield LedgerServer(server)
    finally:
        # SIGINT is Postgres's fast shutdown: it ends sessions instead of waiting for them.
        process.send_signal(signal.SIGINT)
        process.wait(timeout=_WAIT_SECONDS)
        shutil.rmtree(state)


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


def _wait_for(dsn: str, process: subprocess.Popen[bytes]) -> None:
    port = urlsplit(dsn).port
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            assert process.poll() is None, f"Postgres ended with code {process.returncode}"
            assert time.monotonic() < deadline, f"Postgres did not start on port {port}"
            time.sleep(0.02)
        else:
            return
