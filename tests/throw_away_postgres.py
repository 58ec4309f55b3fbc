"""A Postgres server of a test's own: started in a moment from a prepared data folder, removed at the end."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from local import bootstrap
from local.postgres import PostgresServer
from local.stack import PROJECT
from tests.machine import eventually, free_port, new_folder
from tests.prepared import lend

_START_SECONDS = 30.0
_PASSWORD = "password"
_SOURCES = (PROJECT / "local" / "postgres.py", Path(__file__))


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is in the data folder from the beginning, and the files that this is made from."""

    name: str
    sources: Sequence[Path]
    make: Callable[[PostgresServer, Path], None]
    """Given the running server and a folder to work in."""


EMPTY = Preparation("empty", (), lambda server, folder: None)
BOOTSTRAPPED = Preparation(
    "bootstrapped", (PROJECT / "local" / "bootstrap",), lambda server, folder: bootstrap.apply(server.dsn())
)


@dataclass
class ThrowAwayPostgres:
    """May be stopped, killed and started again by a test; `folder` is the test's to use."""

    folder: Path
    server: PostgresServer
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def dsn(self) -> str:
        return self.server.dsn()

    def start(self) -> None:
        self.process = process = self.server.start()

        def is_up() -> bool:
            assert process.poll() is None, f"Postgres ended with code {process.returncode}"
            return _answers(self.dsn)

        eventually(is_up, _START_SECONDS)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is Postgres's fast shutdown: it ends sessions instead of waiting for them."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(_START_SECONDS)
            self.process = None


@contextmanager
def throw_away_postgres(preparation: Preparation = EMPTY) -> Iterator[ThrowAwayPostgres]:
    """A running server with what was prepared; ended and removed at the end."""
    folder = new_folder(preparation.name)
    running = ThrowAwayPostgres(folder, _server(folder / "postgres"))
    try:
        lend(
            preparation.name, [*_SOURCES, *preparation.sources], lambda to: _make(preparation, to), folder / "postgres"
        )
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


def _server(data: Path) -> PostgresServer:
    return PostgresServer(data, free_port(), _PASSWORD, durable=False)


def _make(preparation: Preparation, data: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"agenttrader-{preparation.name}-") as folder:
        running = ThrowAwayPostgres(Path(folder), _server(data))
        running.start()
        try:
            preparation.make(running.server, running.folder)
        finally:
            running.stop()


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True
