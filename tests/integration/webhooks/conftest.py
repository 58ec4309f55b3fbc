"""A Postgres with the bootstrap, an HTTP receiver that writes down what it gets, and the worker as its own process."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.stack import PROJECT
from tests import machine
from tests.machine import PATIENCE
from tests.throw_away_postgres import BOOTSTRAPPED, ThrowAwayPostgres, throw_away_postgres


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Waits for something that another process does."""
    return machine.eventually


@pytest.fixture(scope="session")
def postgres() -> Iterator[ThrowAwayPostgres]:
    with throw_away_postgres(BOOTSTRAPPED) as running:
        yield running


class Database:
    """The superuser's session, each statement its own transaction; opened anew after Postgres went away."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._connection: psycopg.Connection | None = None

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        if self._connection is None or self._connection.broken:
            self._connection = psycopg.connect(self.dsn, autocommit=True)
        cursor = self._connection.execute(query.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *values: object) -> object:
        return self.rows(query, *values)[0][0]

    def response(self, request_id: object) -> dict[str, Any]:
        """The row of net._http_response."""
        (row,) = self.rows("select to_jsonb(r) from net._http_response as r where id = %s", request_id)
        assert isinstance(row[0], dict)
        return row[0]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@pytest.fixture
def database(postgres: ThrowAwayPostgres) -> Iterator[Database]:
    opened = Database(postgres.dsn)
    opened.rows("truncate net.http_request_queue, net._http_response, cron.job, cron.job_run_details")
    yield opened
    opened.close()


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers 200 with JSON; /status/N with N; /wait when `release` is set; /cut closes without an answer."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.release = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.command, self.path, headers, body))
                if self.path.startswith("/wait"):
                    receiver.release.wait(PATIENCE)
                if self.path.startswith("/cut"):
                    self.close_connection = True
                    return
                status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
                content = json.dumps({"ok": True}).encode()
                with contextlib.suppress(OSError):  # the worker may have given up
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names are the library's

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            # The library's five would make the kernel refuse connections that come at once.
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.release.set()
    running.server.shutdown()
    running.server.server_close()


class WorkerProcess:
    def __init__(self, dsn: str, log: Path) -> None:
        self.port = machine.free_port()
        self.log = log
        self.command = [sys.executable, "-m", "local.webhooks", "--port", str(self.port)]
        self.environment = os.environ | {"AGENTTRADER_DATABASE_URL": dsn}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_healthy(self) -> bool:
        return self.health() == 200

    def health(self) -> int | None:
        """The status of GET /health; None where nobody answers."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            asking.request("GET", "/health")
            return asking.getresponse().status
        except OSError:
            return None
        finally:
            asking.close()

    def start(self, *options: str, healthy: bool = True) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.command, *options], env=self.environment, cwd=PROJECT, stderr=log)
        if healthy:
            machine.eventually(self.is_healthy)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def _made(dsn: str, log: Path) -> Iterator[WorkerProcess]:
    running = WorkerProcess(dsn, log)
    try:
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def worker(postgres: ThrowAwayPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """One worker for a module's tests. Only one serves a database, so such a module starts no other."""
    with _made(postgres.dsn, tmp_path_factory.mktemp("worker") / "webhooks.log") as running:
        running.start()
        yield running


@pytest.fixture
def own_worker(postgres: ThrowAwayPostgres, database: Database, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker of one test, which starts it."""
    with _made(postgres.dsn, tmp_path / "webhooks.log") as running:
        yield running
