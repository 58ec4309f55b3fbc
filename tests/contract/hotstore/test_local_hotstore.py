"""What only the local hot store has: a process that may be killed, and a wire that others may speak badly."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.core.errors import Misconfigured, Unavailable
from functions.core.hotstore.local import LocalHotStore
from local.hotstore.memory import Memory
from local.hotstore.server import answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_store_when_killed_and_started_again_then_all_is_forgotten_and_old_versions_lose(own_process: Any) -> None:
    store = LocalHotStore(own_process.url)
    before = store.put("a", 1)
    assert store.acquire("lease", "me", timedelta(minutes=5))
    own_process.stop()
    own_process.start()
    assert store.get("a") is None
    assert store.compare_and_set("a", 2, before.version) is None
    after = store.put("a", 1)
    assert after.version != before.version
    assert store.compare_and_set("a", 2, before.version) is None
    assert store.get("a") == after
    assert store.acquire("lease", "you", timedelta(minutes=5)) is not None
    store.close()


def test_store_when_it_is_down_then_every_method_is_unavailable(own_process: Any) -> None:
    store = LocalHotStore(own_process.url)
    store.put("a", 1)
    own_process.stop()
    calls: list[Callable[[], object]] = [
        lambda: store.get("a"),
        lambda: store.get_many(["a"]),
        lambda: store.put("a", 1),
        lambda: store.put_many({"a": 1}),
        lambda: store.compare_and_set("a", 1, None),
        lambda: store.delete("a"),
        lambda: store.acquire("a", "me", timedelta(seconds=1)),
        lambda: store.release("a", "me"),
    ]
    for call in calls:
        with pytest.raises(Unavailable) as caught:
            call()
        assert caught.value.code == "HOTSTORE_UNAVAILABLE"


def test_store_when_it_hangs_then_unavailable_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = LocalHotStore(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05)
        with pytest.raises(Unavailable):
            store.get("a")


def test_store_when_terminated_then_it_ends_cleanly_though_a_client_is_connected(own_process: Any) -> None:
    store = LocalHotStore(own_process.url)
    store.put("a", 1)
    assert own_process.stop(signal.SIGTERM) == 0
    store.close()


def test_store_when_the_port_is_taken_then_it_says_so_and_exits_with_3(store_process: Any) -> None:
    command = [sys.executable, "-m", "local.hotstore", "--port", str(store_process.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 3
    assert str(store_process.port) in done.stderr
    assert "hot store" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "http://127.0.0.1", "http://host:x", "http://:21006"])
def test_local_hotstore_when_the_url_names_no_host_and_port_then_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured):
        LocalHotStore(url)


def test_health_when_asked_by_http_then_it_answers(store_process: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", store_process.port, timeout=10)
    connection.request("GET", "/health")
    response = connection.getresponse()
    assert response.status == 200
    assert json.loads(response.read())["status"] == "ok"
    connection.close()


def test_wire_when_a_web_page_posts_a_command_then_it_reaches_nothing(store_process: Any) -> None:
    body = '\n{"op":"put","key":"smuggled","value":1}\n'
    with socket.create_connection(("127.0.0.1", store_process.port), timeout=10) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        received = connection.makefile("rb").read()
    assert received == b'{"error":"expected one JSON object per line"}\n'
    store = LocalHotStore(store_process.url)
    assert store.get("smuggled") is None
    store.close()


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"{}",
        b'{"op":"nope"}',
        b'{"op":"get"}',
        b'{"op":"get","key":1}',
        b'{"op":"compare_and_set","key":"a","value":1}',
        b'{"op":"compare_and_set","key":"a","value":1,"version":"1"}',
        b'{"op":"compare_and_set","key":"a","value":1,"version":true}',
        b'{"op":"acquire","name":"a","owner":"b","seconds":-1}',
        b'{"op":"acquire","name":"a","owner":"","seconds":1}',
        b'{"op":"put_many","values":[1]}',
        b"\xff",
    ],
)
def test_answer_when_the_request_is_bad_then_it_is_refused_and_nothing_changes(line: bytes) -> None:
    memory = Memory()
    assert "error" in json.loads(answer(memory, line))
    assert memory.sizes() == {"entries": 0, "leases": 0}


@settings(deadline=None)
@given(JSON)
def test_answer_when_any_json_is_put_then_the_same_comes_back(value: Any) -> None:
    memory = Memory()
    answer(memory, json.dumps({"op": "put", "key": "k", "value": value}).encode())
    assert json.loads(answer(memory, b'{"op":"get","key":"k"}'))["ok"][0] == value


def test_memory_when_the_wall_clock_is_set_back_then_leases_end_all_the_same() -> None:
    passed = [100.0]
    wall = [datetime(2024, 1, 2, tzinfo=UTC)]
    memory = Memory(now=lambda: wall[0], monotonic=lambda: passed[0])
    assert memory.acquire("lease", "me", 10) is not None
    wall[0] -= timedelta(days=1)
    passed[0] += 9.9
    assert memory.acquire("lease", "you", 10) is None
    passed[0] += 0.1
    assert memory.acquire("lease", "you", 10) is not None
