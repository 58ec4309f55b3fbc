"""Webhooks as their owner sees them: entered, tested, told, changed, sent again, removed; the sender is a function."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.client import models
from local.stack import Stack
from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger

PATH = "/webhooks"
_EVENT_HEADERS = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "//tests", "ce-type": "a.test"}


class Receiver(ThreadingHTTPServer):
    """A trader's server on this machine: keeps what comes, answers with `status`."""

    daemon_threads = True
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: Queue[tuple[dict[str, str], bytes]] = Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.put(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: the test says what came."""


@pytest.fixture(scope="module")
def trader(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody whose orders nothing halts."""
    return sign_up("webhooks")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()


@pytest.fixture
def send(stack: Stack) -> Any:
    """Wakes the sender, as the bus does, and waits until it has sent what is due."""

    def sent() -> None:
        url = f"{stack.url('functions')}/send_webhooks"
        httpx.post(url, json={}, headers=_EVENT_HEADERS, timeout=120).raise_for_status()

    return sent


def entered(person: Caller, url: str = "https://hook.example/", *events: str) -> dict[str, Any]:
    answer = person.post(PATH, {"name": "mine", "url": url, "events": list(events or ["trade.placed"])})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def settings_of(webhook: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: webhook[name] for name in ("name", "url", "events", "enabled")} | more


def test_webhook_when_entered_then_its_secret_is_shown_once_and_the_repeat_makes_no_second(owner: Caller) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    wanted = {"name": str(uuid4()), "url": "https://hook.example/", "events": ["trade.filled"]}
    answer = owner.post(PATH, wanted, headers=key)
    made = answer.json()
    assert (answer.status_code, answer.headers["ETag"], made["secret"][:6]) == (201, '"1"', "whsec_")
    again = owner.post(PATH, wanted, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "DONE_ALREADY")
    read = owner.get(f"{PATH}/{made['id']}")
    assert read.json() == {name: value for name, value in made.items() if name != "secret"}
    assert [row["name"] for row in owner.get(PATH).json()["data"]].count(wanted["name"]) == 1


def test_trade_when_placed_then_the_receiver_gets_it_signed_and_the_log_says_so(
    trader: Caller, receiver: Receiver, send: Any
) -> None:
    assert trader.desk is not None
    webhook = entered(trader, receiver.url)
    trade = trader.desk.place()
    send()
    headers, body = receiver.came.get_nowait()
    signed = headers["x-agenttrader-timestamp"].encode() + b"." + body
    assert (
        headers["x-agenttrader-signature"] == hmac.new(webhook["secret"].encode(), signed, hashlib.sha256).hexdigest()
    )
    event = json.loads(body)
    assert (event["id"], event["data"]["trade_id"]) == (headers["x-agenttrader-event-id"], str(trade))
    assert isinstance(models.WebhookEvent.model_validate_json(body).root, models.WebhookTradeEvent)
    (logged,) = trader.get(f"{PATH}/{webhook['id']}/deliveries").json()["data"]
    assert (logged["event_id"], logged["state"], logged["last_status"]) == (event["id"], "delivered", 200)
    # Sent again, it is the same event.
    answer = trader.post(f"{PATH}/{webhook['id']}/deliveries/{logged['id']}/redeliver")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    send()
    assert receiver.came.get_nowait()[1] == body
    assert trader.delete(f"{PATH}/{webhook['id']}").status_code == 204


def test_test_when_asked_then_its_delivery_says_how_it_went_and_the_repeat_is_the_same(
    owner: Caller, receiver: Receiver, send: Any
) -> None:
    receiver.status = 503
    path = f"{PATH}/{entered(owner, receiver.url)['id']}"
    key = {"Idempotency-Key": str(uuid4())}
    asked, again = (owner.post(f"{path}/test", headers=key) for _ in range(2))
    assert (asked.status_code, again.json()["id"]) == (202, asked.json()["id"])
    send()
    (logged,) = owner.get(f"{path}/deliveries", params={"state": "dead"}).json()["data"]
    assert (logged["type"], logged["last_status"], logged["attempts"]) == ("webhook.test", 503, 1)
    assert logged["last_error"].startswith("NOT_TAKEN: ")
    assert owner.get(path).json()["failing_since"] is not None
    assert owner.get(f"{path}/deliveries", params={"state": "queued"}).json()["data"] == []


def test_webhook_when_changed_then_by_whoever_saw_its_newest_version(owner: Caller) -> None:
    webhook = entered(owner)
    path = f"{PATH}/{webhook['id']}"
    changed = owner.put(path, settings_of(webhook, enabled=False), '"1"')
    assert (changed.status_code, changed.headers["ETag"], changed.json()["enabled"]) == (200, '"2"', False)
    late = owner.put(path, settings_of(webhook), '"1"')
    assert (late.status_code, late.json()["code"]) == (412, "CHANGED_MEANWHILE")
    refused = owner.post(f"{path}/test")
    assert (refused.status_code, refused.json()["code"]) == (409, "WEBHOOK_IS_OFF")


def test_secret_when_rotated_then_another_is_shown_once(owner: Caller) -> None:
    webhook = entered(owner)
    key = {"Idempotency-Key": str(uuid4())}
    rotated, again = (owner.post(f"{PATH}/{webhook['id']}/rotate", headers=key) for _ in range(2))
    assert rotated.status_code == 200
    assert rotated.json()["secret"] not in (webhook["secret"], None)
    assert (again.status_code, again.json()["code"]) == (409, "DONE_ALREADY")


def test_webhook_when_removed_then_there_is_none(owner: Caller) -> None:
    path = f"{PATH}/{entered(owner)['id']}"
    assert owner.delete(path).status_code == 204
    assert [owner.get(path).status_code, owner.delete(path).status_code] == [404, 404]
    assert owner.get(f"{path}/deliveries").status_code == 404


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"url": "ftp://hook.example/"}, "BAD_WEBHOOK_URL", None),
        ({"url": "https://user:word@hook.example/"}, "BAD_WEBHOOK_URL", None),
        ({"url": "https://hook.example:99999/"}, "BAD_WEBHOOK_URL", None),
        ({"url": "https://hook.example:0"}, "BAD_WEBHOOK_URL", None),
        ({"url": 1}, "MALFORMED", "body.url"),
        ({"events": []}, "MALFORMED", "body.events"),
        ({"events": ["quote.updated"]}, "MALFORMED", "body.events.0"),
        ({"name": ""}, "MALFORMED", "body.name"),
        ({"secret": "mine"}, "MALFORMED", "body.secret"),
    ],
)
def test_webhook_when_a_field_is_wrong_then_it_is_named(
    owner: Caller, more: dict[str, Any], code: str, field: str | None
) -> None:
    answer = owner.post(PATH, {"name": "x", "url": "https://hook.example/", "events": ["trade.filled"]} | more)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [each["field"] for each in answer.json().get("errors", [])] == ([field] if field else [])


def test_events_when_the_document_names_them_then_they_are_those_that_the_ledger_takes(
    http: httpx.Client, ledger: Ledger
) -> None:
    named = set(http.get("/openapi.json").json()["components"]["schemas"]["WebhookEventType"]["enum"])
    constraint = ledger.one("select pg_get_constraintdef(oid) from pg_constraint where conname = 'events_are_known'")
    assert named == {part for part in constraint.split("'") if "." in part}
