"""A small server to supervise, and free ports for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.supervisor.part import Part
from tests import machine

SERVER = """
import http.server, os, signal, sys
order = sys.argv[2] if len(sys.argv) > 2 else None
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *args):
        pass
def ended(*args):
    if order:
        with open(order, "a") as file:
            file.write(sys.argv[3] + "\\n")
    raise SystemExit(0)
signal.signal(signal.SIGTERM, ended)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Ports that were free a moment ago and that nobody else in this run was given."""
    return machine.free_port


@pytest.fixture
def server(tmp_path: Path) -> Callable[..., Part]:
    """Makes a part that runs a small HTTP server which writes its name to `order.txt` when it is told to end."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)

    def make(name: str, port: int, after: tuple[str, ...] = ()) -> Part:
        command = (sys.executable, str(script), str(port), str(tmp_path / "order.txt"), name)
        return Part(name, command, dict(os.environ), port, health="/health", after=after)

    return make


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees or touches the stack of the person who runs the tests."""
    monkeypatch.setenv("AGENTTRADER_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("AGENTTRADER_PORT_BASE", raising=False)
