"""What is done on the way up: the platform's own schemas, the gateway's tables, our migrations, the seed."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg

from functions.core.errors import Misconfigured
from functions.core.wiring import WIRING_FILE
from local.stack import PROJECT, Stack
from local.supervisor import tools
from local.supervisor.child import die_with_parent
from local.supervisor.environment import Setup, part_environment
from local.supervisor.installation import install
from local.supervisor.part import Step
from local.supervisor.steps import StepBook

SUPABASE = PROJECT / "supabase"
_PREPARE_SECONDS = 60.0


def preparation(stack: Stack, setup: Setup) -> list[Step]:
    """The steps between a running Postgres and the parts that use it. Each is safe to repeat."""
    del setup
    book = StepBook(stack.state)
    if not (stack.postgres_data / "PG_VERSION").exists():
        book.forget()
    local = PROJECT / "local"
    return [
        Step(
            "bootstrap",
            book.once("bootstrap", _sources(local / "bootstrap"), _apply("local.bootstrap", stack.database_url)),
            after=("postgres",),
        ),
        Step(
            "bus-schema",
            book.once(
                "bus-schema",
                [*_sources(local / "bus"), local / "bootstrap" / "60_bus.sql", WIRING_FILE],
                lambda: _prepare_bus(stack),
            ),
            after=("bootstrap",),
        ),
        Step(
            "gateway-tables",
            book.once("gateway-tables", _sources(local / "gateway"), lambda: _prepare_gateway(stack)),
            after=("bootstrap",),
        ),
        Step("migrations", _migrate(stack.database_url), after=("bus-schema", "gateway-tables")),
        Step(
            "seed",
            book.once("seed", [SUPABASE / "seed.sql"], lambda: _seed(stack.database_url)),
            after=("migrations",),
        ),
        Step("installation", lambda: install(stack), after=("seed",)),
    ]


def _sources(folder: Path) -> list[Path]:
    """The files a step is made from: a folder's, or a module's where there is no folder."""
    if folder.is_dir():
        return [file for file in folder.rglob("*") if file.suffix in (".py", ".sql", ".ts") and file.is_file()]
    return [folder.with_suffix(".py")]


# The modules are imported when the step runs: a plain `status` needs none of them.
def _apply(module: str, database_url: str) -> Callable[[], None]:
    return lambda: importlib.import_module(module).apply(database_url)


def _prepare_bus(stack: Stack) -> None:
    importlib.import_module("local.bus.schema").apply(
        stack.database_url,
        publisher_password=stack.secrets.bus_password,
        dispatcher_password=stack.secrets.dispatcher_password,
    )


def _migrate(database_url: str) -> Callable[[], None]:
    return lambda: importlib.import_module("local.migrations").migrate(database_url, SUPABASE / "migrations")


def _seed(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute((SUPABASE / "seed.sql").read_bytes())


def _prepare_gateway(stack: Stack) -> None:
    """Lets the gateway make its auth and storage tables, which our migrations refer to. Raises Misconfigured."""
    done = subprocess.run(
        [tools.node() or "node", str(PROJECT / "local" / "gateway" / "main.ts"), "--prepare"],
        env=part_environment(stack),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=_PREPARE_SECONDS,
        check=False,
        preexec_fn=die_with_parent(),
    )
    if done.returncode != 0:
        raise Misconfigured("GATEWAY_PREPARE", f"the gateway could not make its tables: {done.stderr.strip()[-2000:]}")
