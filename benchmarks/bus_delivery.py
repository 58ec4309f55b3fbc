"""What an event's way costs: published, queued, delivered to a function; beside the bare POST of the same event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.measuring import WARM_UP_ROUNDS, Result, compared
from functions.core.bus.pgmq import PgmqBus
from functions.core.events import TradeChanged, TradeData
from functions.core.identity import named_uuid
from local.bus.cloudevent import Push
from local.bus.delivery import Courier
from local.stack import HOST, Stack

# A topic with one subscriber; every event has its own key, so none waits for another.
_TOPIC = "trade-controls"
_SUBSCRIBER = "control_order"
_LONGEST_SECONDS = 10.0


class _Functions:
    """Stands where the function runner stands: takes every event, and says when."""

    def __init__(self, port: int) -> None:
        taken = self.taken = threading.Semaphore(0)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> Any:
                if name == "do_POST":
                    return self._take
                raise AttributeError(name)

            def _take(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                taken.release()
                self.send_response(204)
                self.end_headers()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nothing is said."""

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self) -> None:
        """Returns when an event was taken. Raises RuntimeError where none comes."""
        if not self.taken.acquire(timeout=_LONGEST_SECONDS):
            raise RuntimeError(f"no event was delivered within {_LONGEST_SECONDS} s")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def bus_delivery(stack: Stack, *, rounds: int, seconds: float) -> Result:
    """Publishes one event at a time and waits for it to arrive."""
    bus, functions = PgmqBus(stack.bus_url), _Functions(stack.port("functions"))
    courier = Courier(stack.url("functions"))
    samples: dict[str, list[float]] = {"published": [], "published and delivered": [], "HTTP POST": []}
    ends_at = time.perf_counter() + seconds
    try:
        for number in range(-WARM_UP_ROUNDS, rounds):
            if number > 0 and time.perf_counter() > ends_at:
                break
            taken = _round(bus, functions, courier, number)
            for name, sample in zip(samples, taken, strict=True):
                if number >= 0:
                    samples[name].append(sample)
    finally:
        functions.close()
        bus.close()
    note = "one event through pgmq and the dispatcher to a function that only answers; one at a time"
    return Result("bus, publish to delivery", note, compared(samples))


def _round(bus: PgmqBus, functions: _Functions, courier: Courier, number: int) -> tuple[float, float, float]:
    began = time.perf_counter()
    bus.publish(_TOPIC, [_event(number)])
    published = time.perf_counter() - began
    functions.wait()
    delivered = time.perf_counter() - began
    return published, delivered, _timed(lambda: _post(courier, functions, number))


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _post(courier: Courier, functions: _Functions, number: int) -> None:
    event = _event(number)
    push = Push(_TOPIC, _SUBSCRIBER, str(event.id), event.occurred_at, event.model_dump_json().encode(), {}, event.key)
    answer = courier.deliver(_SUBSCRIBER, push, _LONGEST_SECONDS)
    if not answer.accepted:
        raise RuntimeError(f"the event was not taken: {answer.error}")
    functions.wait()


def _event(number: int) -> TradeChanged:
    trade = named_uuid("benchmark", number)
    return TradeChanged(
        id=named_uuid("benchmark", number, time.time_ns()),
        occurred_at=datetime.now(UTC),
        key=str(trade),
        type="trade.cancel_requested",
        data=TradeData(
            trade_id=trade,
            user_id=trade,
            broker_account_id=trade,
            symbol="SPY",
            status="cancel_pending",
            version=1,
        ),
    )
