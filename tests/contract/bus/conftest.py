"""A Postgres with the bus in it, and the two adapters behind one face for the contract."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

from functions.core.bus.pgmq import PgmqBus
from functions.core.bus.port import Bus
from functions.core.bus.pubsub import PubSubBus
from functions.core.events import StrategyChanged, StrategyData
from functions.core.wiring import Wiring
from local.bus.schema import apply, queue_of
from local.postgres import PostgresServer
from tests import machine
from tests.throw_away_postgres import throw_away_postgres

PUBLISHER_PASSWORD = "publishes"
DISPATCHER_PASSWORD = "delivers"

TABLE = Wiring.model_validate(
    {
        "defaults": {"memory": "256Mi", "timeout": "10s", "concurrency": 4, "min_instances": 0, "max_instances": 1},
        "topics": {
            "busy": {"event": "StrategyChanged", "ordered_by": "strategy_id"},
            "other": {"event": "StrategyChanged", "ordered_by": "strategy_id"},
            "silent": {"event": "StrategyChanged", "ordered_by": "strategy_id"},
        },
        "functions": {
            "hears_all": {"in": "relay", "trigger": {"topic": "busy"}},
            "hears_halts": {"in": "relay", "trigger": {"topic": "busy", "only": ["strategy.halted"]}},
            "hears_other": {"in": "relay", "trigger": {"topic": "other"}},
        },
    }
)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return machine.free_port


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Waits for something that another process does."""
    return machine.eventually


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """One throw-away Postgres for the whole session, with a template database that has the bus."""
    with throw_away_postgres() as running:
        postgres = running.server
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute("create database bus_template")
        apply(
            postgres.dsn(database="bus_template"),
            table=TABLE,
            publisher_password=PUBLISHER_PASSWORD,
            dispatcher_password=DISPATCHER_PASSWORD,
        )
        yield postgres


@dataclass(frozen=True)
class Database:
    """The addresses of one test's own database."""

    admin: str
    publisher: str
    dispatcher: str
    name: str

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def in_flight(self) -> int:
        return int(self.rows("select bus.in_flight()")[0][0])

    def queued(self, function: str) -> list[dict[str, Any]]:
        query = f"select message from pgmq.q_{queue_of(function)} order by msg_id"  # noqa: S608 - the test's own names
        return [row[0] for row in self.rows(query)]


def _database(server: PostgresServer, name: str) -> Database:
    return Database(
        server.dsn(database=name),
        server.dsn("bus", PUBLISHER_PASSWORD, name),
        server.dsn("bus_dispatcher", DISPATCHER_PASSWORD, name),
        name,
    )


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    """The session's database, empty. A test that changes the wiring takes `own_database`."""
    found = _database(server, "bus_template")
    yield found
    queues = ", ".join(f"pgmq.q_{queue_of(name)}" for topic in TABLE.topics for name in TABLE.subscribers(topic))
    with psycopg.connect(found.admin, autocommit=True) as connection:
        connection.execute(f"truncate {queues}, bus.buried restart identity".encode())


@pytest.fixture
def own_database(server: PostgresServer) -> Iterator[Database]:
    """A database of the test's own, wired as the session's."""
    name = f"bus_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        found = _database(server, name)
        apply(found.admin, table=TABLE)
        yield found
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture(scope="session")
def table() -> Wiring:
    return TABLE


@pytest.fixture(scope="session")
def make_event() -> Callable[..., StrategyChanged]:
    """make_event(key, sequence, kind): an event of the test's own."""

    def make(key: str, sequence: int = 0, kind: str = "activated") -> StrategyChanged:
        data = StrategyData(strategy_id=uuid.uuid4(), user_id=uuid.uuid4(), status="active", version=sequence)
        now = datetime.now(UTC)
        return StrategyChanged.model_validate(
            {
                "id": uuid.uuid4(),
                "occurred_at": now,
                "key": key,
                "sequence": sequence,
                "type": f"strategy.{kind}",
                "data": data,
            }
        )

    return make


class Side(Protocol):
    """One adapter, and the far end of its subscriptions."""

    bus: Bus

    def received(self, function: str, count: int) -> list[dict[str, Any]]:
        """The first `count` events of a subscription, in order per key; all that there are where there are fewer."""
        ...


@dataclass
class PgmqSide:
    bus: Bus
    database: Database

    def received(self, function: str, count: int) -> list[dict[str, Any]]:
        return self.database.queued(function)[:count]


@dataclass
class PubSubSide:
    bus: Bus
    project: str

    def received(self, function: str, count: int) -> list[dict[str, Any]]:
        from google.cloud.pubsub_v1 import SubscriberClient

        found: list[dict[str, Any]] = []
        with SubscriberClient() as client:
            path = client.subscription_path(self.project, function)
            deadline = time.monotonic() + 10
            while len(found) < count and time.monotonic() < deadline:
                pulled = client.pull(subscription=path, max_messages=1000, timeout=10).received_messages
                found += [json.loads(each.message.data) for each in pulled]
                if pulled:
                    client.acknowledge(subscription=path, ack_ids=[each.ack_id for each in pulled])
        return found


@pytest.fixture(scope="session")
def pubsub_emulator() -> Iterator[str]:
    """host:port of a Pub/Sub emulator: PUBSUB_EMULATOR_HOST, or gcloud's own started here."""
    given = os.environ.get("PUBSUB_EMULATOR_HOST")
    if given:
        yield given
        return
    jar, java = _emulator_jar("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"), shutil.which("java")
    if jar is None or java is None:
        pytest.skip("no Pub/Sub emulator: set PUBSUB_EMULATOR_HOST, or install gcloud's pubsub-emulator and Java")
    port = machine.free_port()
    process = subprocess.Popen(
        [java, "-Xmx256m", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        machine.eventually(lambda: _listens(port), 60)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def _emulator_jar(pattern: str) -> Path | None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    asked = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, check=False
    )
    found = sorted(Path(asked.stdout.strip() or "/nonexistent").glob(pattern))
    return found[-1] if found else None


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def pubsub_project(pubsub_emulator: str) -> Iterator[str]:
    """The emulator's address is in the environment for as long as its tests run."""
    before = os.environ.get("PUBSUB_EMULATOR_HOST")
    os.environ["PUBSUB_EMULATOR_HOST"] = pubsub_emulator
    yield f"test-{uuid.uuid4().hex[:8]}"
    if before is None:
        del os.environ["PUBSUB_EMULATOR_HOST"]


def _deploy(project: str) -> None:
    """Topics and ordered subscriptions, as Terraform makes them; made anew, so that a test starts empty."""
    from google.api_core.exceptions import AlreadyExists, NotFound
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    publisher = PublisherClient()
    with SubscriberClient() as subscriber:
        for topic in TABLE.topics:
            path = publisher.topic_path(project, topic)
            with contextlib.suppress(AlreadyExists):
                publisher.create_topic(name=path)
            for function, entry in TABLE.subscribers(topic).items():
                subscription = subscriber.subscription_path(project, function)
                with contextlib.suppress(NotFound):
                    subscriber.delete_subscription(subscription=subscription)
                only = getattr(entry.trigger, "only", [])
                wanted = {"name": subscription, "topic": path, "enable_message_ordering": True}
                if only:
                    wanted["filter"] = " OR ".join(f'attributes.type = "{kind}"' for kind in only)
                subscriber.create_subscription(request=wanted)
    publisher.stop()


@pytest.fixture(params=["pgmq", "pubsub"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    bus: Bus
    if request.param == "pgmq":
        database: Database = request.getfixturevalue("database")
        bus = PgmqBus(database.publisher, TABLE)
        yield PgmqSide(bus, database)
    else:
        project: str = request.getfixturevalue("pubsub_project")
        _deploy(project)
        bus = PubSubBus(project, TABLE)
        yield PubSubSide(bus, project)
    bus.close()
