"""A Postgres with the bootstrap, the realtime server, and a client that speaks raw Phoenix frames."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import jwt
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from local import bootstrap
from local.postgres import PostgresServer
from local.stack import PROJECT
from local.supervisor.tools import node
from tests import machine
from tests.machine import PATIENCE
from tests.throw_away_postgres import BOOTSTRAPPED, Preparation, ThrowAwayPostgres, throw_away_postgres

SECRET = "a-secret-of-these-tests-only-0123456789"

SCHEMA = """
create table public.notes (
    id bigint primary key,
    owner uuid,
    amount numeric(28,10),
    tags text[],
    done boolean,
    hidden text,
    document jsonb,
    body text
);
alter table public.notes enable row level security;
grant select (id, owner, amount, tags, done, document, body) on public.notes to authenticated;
grant select on public.notes to service_role;
create policy own on public.notes for select to authenticated using (owner = (select auth.uid()));

create table public.open_notes (id bigint primary key, body text);
grant select on public.open_notes to authenticated;

create table public.unpublished (id bigint primary key);
grant select on public.unpublished to authenticated;

alter publication supabase_realtime add table public.notes, public.open_notes;

create policy receive_own on realtime.messages for select to authenticated
    using ((select realtime.topic()) = 'user:' || (select auth.uid()));
create policy send_own on realtime.messages for insert to authenticated
    with check ((select realtime.topic()) = 'user:' || (select auth.uid()));
-- Everybody signed in may hear the news and be seen there; nobody may broadcast on it.
create policy receive_news on realtime.messages for select to authenticated
    using ((select realtime.topic()) = 'news');
create policy be_seen on realtime.messages for insert to authenticated
    with check ((select realtime.topic()) = 'news' and extension = 'presence');
"""


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Waits for something that another process does."""
    return machine.eventually


def _make(server: PostgresServer, _: Path) -> None:
    bootstrap.apply(server.dsn())
    with psycopg.connect(server.dsn()) as connection:
        connection.execute(SCHEMA)


@pytest.fixture(scope="session")
def postgres() -> Iterator[ThrowAwayPostgres]:
    with throw_away_postgres(Preparation("realtime", (*BOOTSTRAPPED.sources, Path(__file__)), _make)) as running:
        yield running


@pytest.fixture
def database(postgres: ThrowAwayPostgres) -> Iterator[psycopg.Connection]:
    """The superuser's session, each statement its own transaction."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        yield connection


class RealtimeProcess:
    """The server as its own process."""

    def __init__(self, dsn: str, log: Path, port: int | None = None) -> None:
        self.port = port or machine.free_port()
        self.log = log
        binary = node()
        assert binary is not None, "node is not installed"
        self.command = [binary, str(PROJECT / "local" / "realtime" / "main.ts"), "--port", str(self.port)]
        self.environment = os.environ | {"AGENTTRADER_DATABASE_URL": dsn, "AGENTTRADER_JWT_SECRET": SECRET}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stderr=log)
        machine.eventually(lambda: "streaming changes" in self.log.read_text())

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="session")
def realtime(postgres: ThrowAwayPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealtimeProcess]:
    running = RealtimeProcess(postgres.dsn, tmp_path_factory.mktemp("realtime") / "realtime.log")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_realtime(postgres: ThrowAwayPostgres, tmp_path: Path) -> Iterator[RealtimeProcess]:
    """A server of one test, started."""
    running = RealtimeProcess(postgres.dsn, tmp_path / "realtime.log")
    running.start()
    yield running
    assert running.process is not None
    if running.process.poll() is None:
        running.stop()


def _token(role: str = "authenticated", *, secret: str = SECRET, lifetime: float = 3600, **claims: Any) -> str:
    expiry = {"exp": time.time() + lifetime} if "exp" not in claims else {}
    return jwt.encode({"role": role} | expiry | claims, secret, algorithm="HS256")


@pytest.fixture(scope="session")
def token() -> Callable[..., str]:
    """Signs a token: role, lifetime in seconds, any claim."""
    return _token


class Caller:
    """A signed-in user."""

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        self.token = _token(sub=self.id)
        self.topic = f"realtime:user:{self.id}"


@pytest.fixture
def alice() -> Caller:
    return Caller()


@pytest.fixture
def bob() -> Caller:
    return Caller()


class Phoenix:
    """One websocket. Frames are (join_ref, ref, topic, event, payload) in either version; fractions are Decimal."""

    def __init__(self, server: RealtimeProcess, version: str = "2.0.0", key: str | None = None, path: str = "") -> None:
        self.version = version
        query = urlencode({"apikey": key or _token("anon"), "vsn": version})
        address = f"ws://127.0.0.1:{server.port}{path or '/realtime/v1/websocket'}?{query}"
        self.socket = connect(address, max_size=None)
        self.arrived: queue.Queue[tuple[Any, ...]] = queue.Queue()
        self.is_closed = threading.Event()
        self._refs = itertools.count(1)
        self._aside: list[tuple[Any, ...]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in self.socket:
                if isinstance(text, bytes):
                    self.arrived.put((None, None, None, "binary", text))
                    continue
                frame = json.loads(text, parse_float=Decimal)
                names = ("join_ref", "ref", "topic", "event", "payload")
                self.arrived.put(tuple(frame) if isinstance(frame, list) else tuple(frame[name] for name in names))
        self.is_closed.set()

    def send(self, topic: str, event: str, payload: object, join_ref: str | None = "1") -> str:
        ref = str(next(self._refs))
        names = ("join_ref", "ref", "topic", "event", "payload")
        frame = (join_ref, ref, topic, event, payload)
        self.socket.send(json.dumps(frame if self.version == "2.0.0" else dict(zip(names, frame, strict=True))))
        return ref

    def take(self, wanted: Callable[[tuple[Any, ...]], bool]) -> Any:
        """The payload of the next frame that is wanted; the others stay for later calls."""
        for frame in self._aside:
            if wanted(frame):
                self._aside.remove(frame)
                return frame[4]
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                frame = self.arrived.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"nothing wanted came; what came: {self._aside}") from None
            if wanted(frame):
                return frame[4]
            self._aside.append(frame)

    def event(self, name: str, topic: str | None = None) -> Any:
        return self.take(lambda frame: frame[3] == name and topic in (None, frame[2]))

    def ask(self, topic: str, event: str, payload: object) -> Any:
        """Sends, and returns the reply's payload {status, response}."""
        ref = self.send(topic, event, payload)
        return self.take(lambda frame: frame[3] == "phx_reply" and frame[1] == ref)

    def join(self, topic: str, token: str | None = None, **config: Any) -> Any:
        access = {} if token is None else {"access_token": token}
        return self.ask(topic, "phx_join", {"config": {"presence": {"enabled": False}} | config} | access)

    def seen(self, name: str) -> list[Any]:
        """Payloads of this event that came so far: after an answered heartbeat, all that were sent before it."""
        self.ask("phoenix", "heartbeat", {})
        while not self.arrived.empty():
            self._aside.append(self.arrived.get())
        return [frame[4] for frame in self._aside if frame[3] == name]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@pytest.fixture
def connected(realtime: RealtimeProcess) -> Iterator[Callable[..., Phoenix]]:
    """Opens websockets to the shared server; they are closed with the test."""
    with contextlib.ExitStack() as opened:
        yield lambda **how: opened.enter_context(Phoenix(realtime, **how))


@pytest.fixture(scope="session")
def phoenix() -> type[Phoenix]:
    return Phoenix


@pytest.fixture
def node_script(realtime: RealtimeProcess, postgres: ThrowAwayPostgres) -> Callable[..., list[dict[str, Any]]]:
    """Runs a script of this folder and returns the JSON objects that it printed, one per line."""

    def run(name: str, *arguments: str) -> list[dict[str, Any]]:
        binary = node()
        assert binary is not None
        done = subprocess.run(
            [binary, str(Path(__file__).parent / name), *arguments],
            env=os.environ
            | {"REALTIME_URL": realtime.url, "DATABASE_URL": postgres.dsn, "LOCAL": str(PROJECT / "local")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    return run
