"""The gateway as a process: starting, stopping, a Postgres that goes away, upstream processes that are down."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

from local.supervisor import tools
from tests.contract.supabase.small_cloud import (
    PROJECT,
    SECRET,
    WAIT_SECONDS,
    Cloud,
    fresh_cloud,
    sign,
)
from tests.machine import free_port


def test_gateway_when_its_port_is_taken_then_it_says_so_and_exits_3(cloud: Cloud) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _run([*cloud.gateway_command(port), "--jwt-secret", SECRET])
    assert done.returncode == 3
    assert f"port {port}, which the gateway needs, is taken by another program" in done.stderr


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ([], "--database-url is missing"),
        (["--database-url", "postgresql://x", "--jwt-secret", "short"], "at least 32 bytes, found 5"),
        (["--port", "many"], '--port must be a whole number from 1 to 65535, found "many"'),
        (["--colour", "red"], "--colour"),
    ],
)
def test_gateway_when_a_setting_is_wrong_then_it_names_it_and_exits_3(flags: list[str], sentence: str) -> None:
    node = tools.node()
    assert node is not None
    done = _run([node, str(PROJECT / "local/gateway/main.ts"), *flags])
    assert (done.returncode, sentence in done.stderr) == (3, True), done.stderr


def test_gateway_when_told_to_stop_then_it_exits_cleanly(cloud: Cloud) -> None:
    port = free_port()
    with cloud.gateway(port) as process:
        assert httpx.get(f"http://127.0.0.1:{port}/health").json() == {"status": "ok", "database": "up"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_gateway_when_realtime_is_down_then_the_answer_is_a_clear_503(cloud: Cloud) -> None:
    answer = httpx.post(f"{cloud.url}/realtime/v1/api/broadcast", json={}, headers=cloud.headers())
    assert (answer.status_code, answer.json()["code"]) == (503, "UPSTREAM_DOWN")
    assert "realtime process does not answer" in answer.json()["message"]
    with pytest.raises(InvalidStatus) as refused, connect(_socket_address(cloud)):
        pass
    assert refused.value.response.status_code == 503


def test_gateway_when_realtime_is_up_then_messages_pass_both_ways(cloud: Cloud) -> None:
    with _echo(cloud.realtime_port) as paths, connect(_socket_address(cloud)) as socket_:
        for message in ("text", b"\x00bytes", "x" * 200_000):
            socket_.send(message)
            assert socket_.recv(timeout=WAIT_SECONDS) == message
    assert paths == ["/realtime/v1/websocket?apikey=key&vsn=2.0.0"]


def test_gateway_when_postgres_is_killed_then_503_and_later_it_serves_again() -> None:
    # Not prepared on purpose: the gateway makes auth's and storage's tables where they are missing.
    with fresh_cloud() as (alone, postgres), alone.gateway():
        _create_user(alone, "before@example.com")
        postgres.stop(signal.SIGKILL)
        _wait_for_status(alone, 503)
        refused = httpx.post(f"{alone.url}/rest/v1/rpc/any", json={}, headers=alone.headers())
        assert (refused.status_code, refused.json()["code"]) == (503, "PGRST001")
        assert refused.headers["retry-after"] == "1"
        assert _sign_in(alone, "before@example.com").status_code == 503
        postgres.start()
        _wait_for_status(alone, 200)
        assert _sign_in(alone, "before@example.com").status_code == 200


def test_gateway_when_one_connection_is_cut_then_that_call_gets_503_and_the_others_go_on(cloud: Cloud) -> None:
    answers: list[httpx.Response] = []
    caller = threading.Thread(
        target=lambda: answers.append(cloud.rpc("slow", {"seconds": 5}, sign({"role": "fn_risk"})))
    )
    caller.start()
    _cut_the_sleeping_call(cloud)
    caller.join()
    assert (answers[0].status_code, answers[0].json()["code"]) in ((503, "57P01"), (503, "PGRST001"))
    assert cloud.rpc("returns_text").text == '"1.10"'


def test_gateway_when_a_body_is_too_large_or_broken_then_it_is_refused(cloud: Cloud) -> None:
    large = httpx.post(f"{cloud.url}/rest/v1/rpc/whoami", content=b"x" * (51 * 1024 * 1024), headers=cloud.headers())
    headers = cloud.headers() | {"Content-Type": "application/json"}
    broken = httpx.post(f"{cloud.url}/rest/v1/rpc/whoami", content=b'{"a":', headers=headers)
    assert (large.status_code, large.json()["code"]) == (413, "TOO_LARGE")
    assert (broken.status_code, broken.json()["code"]) == (400, "PGRST102")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)


def _socket_address(cloud: Cloud) -> str:
    return f"ws://127.0.0.1:{cloud.port}/realtime/v1/websocket?apikey=key&vsn=2.0.0"


@contextmanager
def _echo(port: int) -> Iterator[list[str]]:
    """A WebSocket server that sends back what it gets; the yielded list fills with the paths that were opened."""
    paths: list[str] = []

    def answer(connection: ServerConnection) -> None:
        assert connection.request is not None
        paths.append(connection.request.path)
        for message in connection:
            connection.send(message)

    server: Server = serve(answer, "127.0.0.1", port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield paths
    finally:
        server.shutdown()
        thread.join()


def _create_user(cloud: Cloud, email: str) -> None:
    body = {"email": email, "password": "password-1"}
    httpx.post(f"{cloud.url}/auth/v1/signup", json=body, headers=cloud.headers()).raise_for_status()


def _sign_in(cloud: Cloud, email: str) -> httpx.Response:
    body = {"email": email, "password": "password-1"}
    return httpx.post(f"{cloud.url}/auth/v1/token?grant_type=password", json=body, headers=cloud.headers())


def _wait_for_status(cloud: Cloud, status: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while httpx.get(f"{cloud.url}/health").status_code != status:
        assert time.monotonic() < deadline, f"the gateway never answered {status}"
        time.sleep(0.02)


def _cut_the_sleeping_call(cloud: Cloud) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where query like %s and state = 'active' and pid <> pg_backend_pid()"
    )
    with psycopg.connect(cloud.dsn, autocommit=True) as connection:
        while not connection.execute(cut, ("%public.slow(%",)).fetchall():
            assert time.monotonic() < deadline, "the call never reached Postgres"
            time.sleep(0.01)
