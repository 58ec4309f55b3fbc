"""The Supabase CLI itself: it pushes what our runner applies, and its advisors find nothing to warn of.

The CLI is 140 MB, so it is no part of `make setup`: `make advise` fetches it and runs this file. Without it the tests
are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from local.migrations import FOLDER, migrate
from local.postgres import binaries
from local.stack import PROJECT
from tests.ledger_database import LedgerServer, prepare_platform

_OURS = PROJECT / ".tools" / "node_modules" / ".bin" / "supabase"
_HISTORY = "select version, name, statements from supabase_migrations.schema_migrations order by version"
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Runs the CLI against this project; it has a home of its own and reports nothing."""
    found = str(_OURS) if _OURS.exists() else shutil.which("supabase")
    if found is None:
        pytest.skip("the Supabase CLI is not here; `make advise` fetches it and runs these tests")
    home = str(tmp_path_factory.mktemp("home"))
    environment = os.environ | {"HOME": home, "DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1", "NO_COLOR": "1"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [found, *arguments, "--workdir", str(PROJECT), "--agent", "no"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def applied(server: LedgerServer, cli: Cli) -> Iterator[str]:
    """The address of a ledger that our runner made."""
    del cli
    with server.clone() as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute("drop schema kept cascade")  # The tests' own.
        yield dsn


@pytest.fixture(scope="module")
def pushed(server: LedgerServer, cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a ledger that `supabase db push` made."""
    with psycopg.connect(server.server.dsn(), autocommit=True) as connection:
        connection.execute("create database pushed")
        dsn = server.server.dsn(database="pushed")
        try:
            prepare_platform(dsn, tmp_path_factory.mktemp("storage"))
            done = cli("db", "push", f"--remote={dsn}", "--yes")
            assert done.returncode == 0, done.stderr
            # It reads supabase/config.toml first, and warns of keys and values that it does not know.
            assert "WARN" not in done.stdout + done.stderr
            yield dsn
        finally:
            connection.execute("drop database pushed with (force)")


def _history(dsn: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(_HISTORY.encode()).fetchall()


def _schema(dsn: str) -> str:
    """The schema as pg_dump writes it, without the lines that differ from one dump to the next."""
    command = [str(binaries() / "pg_dump"), "--schema-only", f"--dbname={dsn}"]
    dump = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return "\n".join(line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def test_push_when_compared_with_our_runner_then_schema_and_history_are_the_same(applied: str, pushed: str) -> None:
    assert _schema(pushed) == _schema(applied)
    assert _history(pushed) == _history(applied)
    assert len(_history(pushed)) == len(list(FOLDER.glob("*.sql")))


def test_push_when_our_runner_was_first_then_there_is_nothing_to_do_and_the_reverse(
    cli: Cli, applied: str, pushed: str
) -> None:
    done = cli("db", "push", f"--remote={applied}", "--yes")
    assert (done.returncode, "up to date" in done.stdout + done.stderr) == (0, True), done.stderr
    assert migrate(pushed) == []


def _advice(cli: Cli, dsn: str) -> tuple[int, list[dict[str, Any]]]:
    """What the advisors say of a database, and their exit code."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Without it the advisors do not know what is exposed, and say nothing about it.
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set pgrst.db_schemas = 'public'").format(name))
    done = cli("db", "advisors", f"--remote={dsn}", "--level", "info", "--fail-on", "warn", "--output-format", "json")
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return done.returncode, found


def test_advisors_when_they_look_at_the_ledger_then_nothing_is_above_info(cli: Cli, applied: str) -> None:
    code, found = _advice(cli, applied)
    assert [(advice["level"], advice["name"], advice["detail"]) for advice in found if advice["level"] != "INFO"] == []
    assert (code, len(found) > 0) == (0, True)


def test_advisors_when_a_table_is_bare_then_they_see_it(cli: Cli, server: LedgerServer) -> None:
    """That they find nothing must not come from looking at nothing."""
    with server.clone() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create table public.bare (id integer)")
            connection.execute("grant select on public.bare to anon")
        code, found = _advice(cli, dsn)
    assert code != 0
    assert "rls_disabled_in_public" in [advice["name"] for advice in found]
