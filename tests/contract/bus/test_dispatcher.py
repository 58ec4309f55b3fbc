"""Delivery of the queues' messages to functions, over real HTTP, from a real database."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from cloudevents.http import from_http

from functions.core.bus.pgmq import PgmqBus
from functions.core.events import Envelope
from functions.core.wiring import Wiring
from local.bus.backoff import Backoff
from local.bus.dispatcher import Dispatcher
from local.bus.faults import FaultPlan

MakeEvent = Callable[..., Envelope]
QUICK = Backoff(first=0.01, cap=0.05, attempts=3, down_first=0.01, down_cap=0.05)


@dataclass
class Functions:
    """Stands for the function runner: what came in, and a say in how each call is answered."""

    port: int = 0
    calls: queue.Queue[tuple[str, dict[str, Any]]] = field(default_factory=queue.Queue)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[str, dict[str, Any]], int] = lambda function, event: 204
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                stub.requests.append((dict(self.headers), body))
                event = json.loads(base64.b64decode(json.loads(body)["message"]["data"]))
                stub.calls.put((self.path[1:], event))
                self.send_response(stub.answer(self.path[1:], event))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    async def next_calls(self, count: int) -> list[tuple[str, Any]]:
        """Waits for calls; each as (function, the event's sequence)."""
        found = [await asyncio.to_thread(self.calls.get, timeout=15) for _ in range(count)]
        return [(function, event["sequence"]) for function, event in found]


@pytest.fixture
def functions(free_port: Callable[[], int]) -> Iterator[Functions]:
    stub = Functions(free_port())
    stub.start()
    yield stub
    stub.stop()


@dataclass
class Trial:
    dispatcher: Dispatcher
    database: Any
    bus: PgmqBus

    async def settled(self) -> None:
        """Waits until nothing is in flight."""
        await until(lambda: self.database.in_flight() == 0)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what another task or process brings about."""
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - the condition is not this loop's to announce
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(dispatcher: Dispatcher) -> AsyncIterator[Dispatcher]:
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest_asyncio.fixture
async def trial(database: Any, functions: Functions, table: Wiring) -> AsyncIterator[Trial]:
    async with running(Dispatcher(database.dispatcher, functions.url, table, QUICK)) as dispatcher:
        found = Trial(dispatcher, database, PgmqBus(database.publisher, table))
        await until(lambda: dispatcher.role == "active")
        yield found
        found.bus.close()


async def test_delivery_when_an_event_is_published_then_the_function_gets_a_cloud_event(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    event = make_event("a", 5)
    trial.bus.publish("other", [event])
    await functions.next_calls(1)
    await trial.settled()
    headers, body = functions.requests[0]
    received = from_http(headers, body)
    assert received["type"] == "google.cloud.pubsub.topic.v1.messagePublished"
    assert received["source"].endswith("/topics/other")
    message = received.data["message"]
    assert message["orderingKey"] == "a"
    assert message["messageId"] == received["id"]
    assert message["attributes"] == {"id": str(event.id), "type": "strategy.activated", "key": "a"}
    assert json.loads(base64.b64decode(message["data"])) == event.model_dump(mode="json")
    assert received.data["subscription"].endswith("/hears_other")


async def test_delivery_when_a_key_has_many_events_then_they_come_one_by_one_in_order(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    trial.bus.publish("other", [make_event("a", n) for n in range(40)])
    assert await functions.next_calls(40) == [("hears_other", n) for n in range(40)]
    await trial.settled()


async def test_delivery_when_one_key_hangs_then_the_others_go_on(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    release = threading.Event()
    functions.answer = lambda _, event: 204 if event["key"] != "slow" or release.wait(15) else 500
    trial.bus.publish("other", [make_event("slow", 1), make_event("slow", 2), make_event("b", 3), make_event("c", 4)])
    assert sorted(await functions.next_calls(3)) == [("hears_other", 1), ("hears_other", 3), ("hears_other", 4)]
    assert functions.calls.empty()
    assert trial.database.in_flight() > 0
    release.set()
    assert await functions.next_calls(1) == [("hears_other", 2)]
    await trial.settled()


async def test_delivery_when_a_function_fails_then_it_is_tried_again_before_the_rest_of_the_key(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    answers = iter([500, 503, 204, 204])
    functions.answer = lambda _, __: next(answers)
    trial.bus.publish("other", [make_event("a", 1), make_event("a", 2)])
    assert await functions.next_calls(4) == [("hears_other", n) for n in (1, 1, 1, 2)]
    await trial.settled()
    assert trial.database.rows("select count(*) from bus.buried") == [(0,)]


async def test_delivery_when_a_message_never_succeeds_then_it_is_buried_and_its_key_goes_on(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    functions.answer = lambda _, event: 500 if event["sequence"] == 1 else 204
    trial.bus.publish("other", [make_event("a", 1), make_event("a", 2)])
    assert await functions.next_calls(4) == [("hears_other", n) for n in (1, 1, 1, 2)]
    await trial.settled()
    letters = trial.database.rows("select function, key, attempts, last_error, message ->> 'sequence' from bus.buried")
    assert letters == [("hears_other", "a", 3, "HTTP 500", "1")]
    assert trial.dispatcher.state()["functions"]["hears_other"]["dead"] == 1


async def test_redeliver_when_a_dead_letter_is_sent_again_then_it_is_delivered(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    functions.answer = lambda _, __: 500
    trial.bus.publish("other", [make_event("a", 1)])
    await functions.next_calls(3)
    await trial.settled()
    functions.answer = lambda _, __: 204
    trial.database.rows("select bus.redeliver(id) from bus.buried")
    assert await functions.next_calls(1) == [("hears_other", 1)]
    await trial.settled()
    assert trial.database.rows("select count(*) from bus.buried") == [(0,)]


async def test_delivery_when_the_runner_is_down_then_no_attempt_is_counted_and_all_arrives_later(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    functions.stop()
    trial.bus.publish("other", [make_event("a", 1), make_event("a", 2)])
    # More often than a failing message would be tried before it is buried.
    await until(lambda: trial.dispatcher.counts["hears_other"]["refused"] > QUICK.attempts)
    assert trial.database.rows("select max(read_ct) from pgmq.q_hears_other") == [(0,)]
    functions.start()
    assert await functions.next_calls(2) == [("hears_other", 1), ("hears_other", 2)]
    await trial.settled()


async def test_dispatcher_when_postgres_ends_its_connections_then_it_comes_back_and_delivers_the_rest(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    release = threading.Event()
    functions.answer = lambda _, __: 204 if release.wait(15) else 500
    trial.bus.publish("other", [make_event("a", 1), make_event("a", 2)])
    assert await functions.next_calls(1) == [("hears_other", 1)]
    trial.database.rows("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'bus_dispatcher'")
    release.set()
    await trial.settled()
    await until(lambda: trial.dispatcher.role == "active")
    later = [sequence for _, sequence in await functions.next_calls(functions.calls.qsize())]
    assert later in ([1, 2], [2])


async def test_dispatcher_when_another_is_active_then_it_waits_and_takes_over(
    trial: Trial, functions: Functions, table: Wiring, make_event: MakeEvent
) -> None:
    async with running(Dispatcher(trial.database.dispatcher, functions.url, table, QUICK)) as second:
        await until(lambda: second.role == "standby")
        trial.bus.publish("other", [make_event("a", 1)])
        assert await functions.next_calls(1) == [("hears_other", 1)]
        # Settled first: a delivery that was not yet acknowledged would rightly be made again.
        await trial.settled()
        trial.database.rows(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and database = "
            "(select oid from pg_database where datname = current_database())"
        )
        await until(lambda: "active" in (second.role, trial.dispatcher.role))
        trial.bus.publish("other", [make_event("a", 2)])
        assert (await functions.next_calls(1))[0] == ("hears_other", 2)
        await trial.settled()


async def test_dispatcher_when_it_is_cancelled_at_work_then_the_next_delivers_in_order_at_once(
    database: Any, functions: Functions, table: Wiring, make_event: MakeEvent
) -> None:
    release = threading.Event()
    functions.answer = lambda _, event: 500 if not release.is_set() else 204
    bus = PgmqBus(database.publisher, table)
    bus.publish("other", [make_event("a", n) for n in range(5)])
    patient = Backoff(first=60, cap=60)
    async with running(Dispatcher(database.dispatcher, functions.url, table, patient)):
        assert await functions.next_calls(1) == [("hears_other", 0)]
        # The message now waits a minute, in the hands of a dispatcher that ends.
    release.set()
    async with running(Dispatcher(database.dispatcher, functions.url, table, patient)):
        assert await functions.next_calls(5) == [("hears_other", n) for n in range(5)]
        await Trial(Dispatcher("", "", table), database, bus).settled()


async def test_faults_when_all_is_dropped_then_nothing_arrives_and_nothing_is_in_flight(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    trial.dispatcher.set_faults(FaultPlan(seed=1, drop=1, spare_topics=["other"]))
    trial.bus.publish("busy", [make_event("a", n) for n in range(10)])
    trial.bus.publish("other", [make_event("a", 99)])
    assert await functions.next_calls(1) == [("hears_other", 99)]
    await trial.settled()
    assert functions.calls.empty()
    assert trial.dispatcher.state()["functions"]["hears_all"]["dropped"] == 10


async def test_faults_when_all_is_doubled_then_everything_arrives_twice(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    trial.dispatcher.set_faults(FaultPlan(seed=1, double=1, delay=0.5, delay_ms=5))
    trial.bus.publish("other", [make_event("a", n) for n in range(12)])
    received = await functions.next_calls(24)
    assert [sequence for _, sequence in received] == [n for n in range(12) for _ in range(2)]
    await trial.settled()
    assert functions.calls.empty()


async def test_delivery_when_the_queue_is_longer_than_the_window_then_all_of_it_arrives(
    trial: Trial, functions: Functions, make_event: MakeEvent
) -> None:
    events = [make_event(f"key-{n % 3}", n) for n in range(600)]
    for start in range(0, 600, 200):
        trial.bus.publish("other", events[start : start + 200])
    received = [sequence for _, sequence in await functions.next_calls(600)]
    for key in range(3):
        assert [n for n in received if n % 3 == key] == list(range(key, 600, 3))
    await trial.settled()


def test_take_when_two_sessions_take_then_no_message_is_taken_twice(
    database: Any, table: Wiring, make_event: MakeEvent
) -> None:
    PgmqBus(database.publisher, table).publish("other", [make_event("a", n) for n in range(20)])
    taken: list[int] = []
    with psycopg.connect(database.dispatcher) as first, psycopg.connect(database.dispatcher) as second:
        for connection in (first, second):
            rows = connection.execute("select msg_id from bus.take('hears_other', 10, '{}', '1 hour')").fetchall()
            taken += [row[0] for row in rows]
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 20
