"""The dispatcher as a process of its own: killed at work, and refused its port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.core.bus.pgmq import PgmqBus
from functions.core.events import Envelope
from functions.core.wiring import Wiring


def start(database_url: str, functions_port: int, port: int, table: Wiring, folder: Path) -> subprocess.Popen[str]:
    wiring = folder / "wiring.yaml"
    wiring.write_text(yaml.safe_dump(table.model_dump(by_alias=True, exclude_none=True)))
    command = [sys.executable, "-m", "local.bus", "--port", str(port), "--wiring", str(wiring)]
    return subprocess.Popen(
        [*command, "--functions-url", f"http://127.0.0.1:{functions_port}"],
        env={**os.environ, "AGENTTRADER_BUS_DATABASE_URL": database_url},
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(port: int, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


@pytest.fixture
def slow_functions() -> Any:
    """A runner whose first call is answered only when `release` is set; `heard` has the message ids in order."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def __init__(self) -> None:
            super().__init__(("127.0.0.1", 0), Handler)
            self.heard: list[str] = []
            self.first = threading.Event()
            self.release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server: Server

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.server.heard.append(body["message"]["messageId"])
            if not self.server.first.is_set():
                self.server.first.set()
                self.server.release.wait(30)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.release.set()
        server.shutdown()


def test_dispatcher_when_killed_at_work_then_the_next_delivers_again_at_once_and_in_order(
    database: Any,
    slow_functions: Any,
    table: Wiring,
    make_event: Callable[..., Envelope],
    free_port: Callable[[], int],
    eventually: Callable[[Callable[[], bool]], None],
    tmp_path: Path,
) -> None:
    PgmqBus(database.publisher, table).publish("other", [make_event("a", n) for n in range(3)])
    port = free_port()
    first = start(database.dispatcher, slow_functions.server_port, port, table, tmp_path)
    assert slow_functions.first.wait(20)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=10)
    assert database.in_flight() == 3
    second = start(database.dispatcher, slow_functions.server_port, port, table, tmp_path)
    try:
        eventually(lambda: database.in_flight() == 0)
        assert slow_functions.heard == [f"hears_other-{n}" for n in (1, 1, 2, 3)]
        eventually(lambda: ask(port, "/control/state")[1]["functions"]["hears_other"]["delivered"] == 3)
        assert ask(port, "/health") == (200, {"role": "active"})
        assert ask(port, "/control/faults", {"drop": 2})[0] == 400
        assert ask(port, "/control/faults", {"drop": 1, "seed": 7})[1]["drop"] == 1
        taken = start(database.dispatcher, slow_functions.server_port, port, table, tmp_path)
        _, words = taken.communicate(timeout=20)
        assert (taken.returncode, "Traceback" in words) == (3, False)
        assert str(port) in words
    finally:
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=20)
    assert second.returncode == 0
