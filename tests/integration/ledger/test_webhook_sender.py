"""The sender of webhooks with a real ledger and a real receiver: kill -9 in the middle of a sending loses nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from uuid import uuid4

from functions.core.ledger.webhooks import WebhookLedger
from functions.report.webhooks.delivering import Round
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Direct
from tests.unit.core.settings_made import made_settings

ROOT = Path(__file__).resolve().parents[3]
_PATIENCE = 120
"""Seconds until a test that waits for a process gives up."""
_SENDER = """
import asyncio, sys
from functions.core.ledger.webhooks import WebhookLedger
from functions.report.webhooks.delivering import Round
from tests.integration.ledger.ledger import Direct, Ledger
from tests.unit.core.settings_made import made_settings

reach = Direct(Ledger(sys.argv[1]), "fn_report")
asyncio.run(Round(WebhookLedger(reach), made_settings(webhook_timeout=600), 600).run())
"""


class Receiver(ThreadingHTTPServer):
    """Keeps what comes; answers only once it was told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: Queue[tuple[str, bytes]] = Queue()
        self.answers = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.put((self.headers["X-AgentTrader-Event-Id"], body))
        if self.server.answers.wait(_PATIENCE):
            self.send_response(200)
            self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: the test says what came."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()


def test_sender_when_killed_in_the_middle_then_the_event_comes_again_under_its_id_and_is_marked_once(
    fresh_desk: Desk,
) -> None:
    ledger = fresh_desk.ledger
    ledger.run("update private.settings set value = 'yes' where name = 'webhook_loopback'")
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.server_port}/"
        said = {"p_name": "x", "p_url": url, "p_events": "{trade.placed}", "p_id": uuid4()}
        ledger.call("create_webhook", "authenticated", fresh_desk.user, **said)
        fresh_desk.place()
        sender = subprocess.Popen([sys.executable, "-c", _SENDER, ledger.dsn], cwd=ROOT)
        try:
            first = receiver.came.get(timeout=_PATIENCE)
        finally:
            sender.send_signal(signal.SIGKILL)
            sender.wait()
        row = "select state, attempts from public.webhook_deliveries"
        assert ledger.rows(row) == [("sending", 1)]
        receiver.answers.set()
        # While the lease lasts nobody takes it; when it is over, the next does.
        assert _send(fresh_desk) == 0
        ledger.run("update public.webhook_deliveries set next_attempt_at = clock_timestamp()")
        assert _send(fresh_desk) == 1
        assert receiver.came.get(timeout=_PATIENCE) == first
        assert ledger.rows(row) == [("delivered", 2)]
        assert _send(fresh_desk) == 0
        assert receiver.came.empty()


def _send(desk: Desk) -> int:
    return asyncio.run(Round(WebhookLedger(Direct(desk.ledger, "fn_report")), made_settings(), 600).run())
