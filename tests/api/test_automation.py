"""Events from outside over HTTP: signed, sent by address, replayed, late, doubled, tampered."""

from __future__ import annotations

import hmac
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.stack import PROJECT
from tests.api.conftest import Caller
from tests.api.test_automation_sources import PATH, created
from tests.integration.ledger.ledger import Ledger

ORDER = {"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open", "quantity": "1"}
SENDERS = 4


@dataclass(frozen=True, slots=True)
class Request:
    """One delivery as it goes over the wire."""

    url: str
    body: bytes
    headers: dict[str, str]

    def sent(self, client: httpx.Client) -> httpx.Response:
        return client.post(self.url, content=self.body, headers=self.headers)


def signed(made: dict[str, Any], body: bytes, at: int | None = None, event: str | None = None) -> Request:
    """As its sender would; `event` is its id where the body has none."""
    timestamp = str(int(time.time()) if at is None else at)
    signature = hmac.new(made["secret"].encode(), f"{timestamp}.".encode() + body, sha256).hexdigest()
    given = {"X-AgentTrader-Timestamp": timestamp, "X-AgentTrader-Signature": signature}
    return Request(made["url"], body, given | ({"X-AgentTrader-Event-Id": event} if event else {}))


@pytest.fixture(scope="module")
def trader(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody who is not halted."""
    return sign_up("automated")


def order_event(event: str, **more: Any) -> bytes:
    return json.dumps({"event_id": event, "order": ORDER | more}).encode()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as opened:
        yield opened


def test_event_when_signed_then_it_is_a_trade_and_the_log_says_so(
    trader: Caller, client: httpx.Client, stranger: Caller
) -> None:
    made = created(trader)
    answer = signed(made, order_event("e1")).sent(client)
    assert (answer.status_code, answer.json()["trade_status"]) == (202, "pending"), answer.text
    refused = signed(made, order_event("e2", symbol="IWM")).sent(client)
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json")
    assert (refused.json()["code"], refused.json()["numbers"]) == ("SYMBOL_NOT_ALLOWED", {"symbol": "IWM"})
    log = trader.get(f"{PATH}/{made['source_id']}/deliveries").json()["data"]
    assert [(row["event_id"], row["outcome"], row["refusal"]) for row in log] == [
        ("e2", "refused", "SYMBOL_NOT_ALLOWED: symbol=IWM"),
        ("e1", "accepted", None),
    ]
    assert log[1]["trade_id"] == answer.json()["trade_id"]
    assert stranger.get(f"{PATH}/{made['source_id']}/deliveries").status_code == 404


def test_event_when_its_sender_is_not_known_then_nothing_is_told(trader: Caller, client: httpx.Client) -> None:
    made = created(trader)
    genuine = signed(made, order_event("e1"))
    base = made["url"].rsplit("/", 1)[0]
    sent = (
        Request(genuine.url, genuine.body, {}),
        Request(genuine.url, genuine.body + b" ", genuine.headers),
        Request(genuine.url, b"not json", genuine.headers),
        Request(f"{genuine.url}?token={made['secret']}", genuine.body, {}),
        Request(f"{base}/{uuid4()}", genuine.body, genuine.headers),
        Request(f"{base}/nothing", genuine.body, genuine.headers),
        Request(f"{base}/%00", b"\x00", {"X-AgentTrader-Event-Id": "x"}),
    )
    answers = [request.sent(client) for request in sent]
    told = {
        (answer.status_code, *(str(answer.json()[name]) for name in ("code", "detail", "todo"))) for answer in answers
    }
    assert len(told) == 1
    assert told.pop()[:2] == (401, "NOT_ACCEPTED")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"not json", "body"),
        (b"\xff\xfe", "body"),
        (b'{"event_id": "e", "order": {"symbol": "SPY"}}', "body.order.quantity"),
        (b'{"event_id": "e", "order": {"quantity": 1.5}}', "body.order.quantity"),
        (b'{"event_id": "e", "event": {"event": "x"}, "more": 1}', "body.more"),
        (b'{"event_id": "e", "event": {"event": "\\u0000"}}', "body"),
        (b'{"event_id": "e"}', "body"),
        (b"[]", "body"),
    ],
)
def test_event_when_malformed_then_its_sender_is_told_the_field(
    trader: Caller, client: httpx.Client, source: dict[str, Any], body: bytes, field: str
) -> None:
    answer = signed(source, body, event=None if b'"e"' in body else str(uuid4())).sent(client)
    assert (answer.status_code, answer.json()["code"]) == (422, "MALFORMED"), answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.fixture(scope="module")
def source(trader: Caller) -> dict[str, Any]:
    return created(trader)


def test_request_when_it_is_no_delivery_then_refused(client: httpx.Client, source: dict[str, Any]) -> None:
    assert client.get(source["url"]).status_code == 405
    assert client.post(f"{source['url']}/more").status_code == 404
    large = signed(source, b'{"x": "' + b"a" * 20_000 + b'"}').sent(client)
    assert (large.status_code, large.json()["code"]) == (413, "BODY_TOO_LARGE")


def test_example_of_the_docs_when_run_then_its_event_is_taken(trader: Caller) -> None:
    made = created(trader)
    (example,) = re.findall(r"```python\n(.*?)```", (PROJECT / "docs" / "automation.md").read_text(), re.DOTALL)
    said = subprocess.run(
        [sys.executable, "-c", example],
        env=os.environ | {"URL": made["url"], "SECRET": made["secret"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "'outcome': 'accepted'" in said


def _alert(**more: str) -> dict[str, str]:
    return {
        "ticker": "AMEX:SPY",
        "action": "buy",
        "contracts": "2",
        "market_position": "long",
        "prev_market_position": "flat",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "order_id": "Long",
    } | more


def test_alert_of_tradingview_when_sent_by_its_address_then_a_trade(
    trader: Caller, client: httpx.Client, ledger: Ledger
) -> None:
    weak = {"kind": "tradingview", "authentication": "url_token", "max_per_minute": 10}
    made = created(trader, **weak, networks=["127.0.0.0/24"])
    elsewhere = created(trader, **weak, networks=["203.0.113.0/24"])
    body = json.dumps(_alert()).encode()
    answer = client.post(made["url"], content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 202, answer.text
    assert client.post(made["url"], content=body).json()["outcome"] == "replayed"
    ((side, quantity, intent),) = ledger.rows(
        "select t.side, t.quantity::integer, l.position_intent from public.trades as t "
        "join public.trade_legs as l on l.trade_id = t.id where t.id = %s",
        answer.json()["trade_id"],
    )
    assert (side, quantity, intent) == ("buy", 2, "buy_to_open")
    closing = client.post(made["url"], json=_alert(action="sell", market_position="flat", prev_market_position="long"))
    assert closing.status_code == 202, closing.text
    turning = client.post(made["url"], json=_alert(action="sell", market_position="short", prev_market_position="long"))
    assert (turning.status_code, turning.json()["errors"][0]["field"]) == (422, "body.market_position")
    # What the sender writes into the header itself stands before what the proxy adds, and is not believed.
    spoofed = {"X-Forwarded-For": "203.0.113.9"}
    assert client.post(elsewhere["url"], content=body, headers=spoofed).status_code == 401
    assert client.post(made["url"].replace("token=att_", "token=att_0"), content=body).status_code == 401


def _genuine(made: dict[str, Any], number: int) -> Request:
    """Every other sender names the event beside what is signed, where whoever catches the request can change it."""
    said: dict[str, Any] = {"order": ORDER | {"reason": f"event {number}"}}
    if number % 2:
        return signed(made, json.dumps(said).encode(), event=f"e{number}")
    return signed(made, json.dumps(said | {"event_id": f"e{number}"}).encode())


def _imitation(dice: random.Random, genuine: Request, made: dict[str, Any], number: int) -> Request:
    """What is not to trade once more: sent again, late, early, changed, unsigned, signed by another, or to nobody."""
    url, body, headers = genuine.url, genuine.body, genuine.headers
    now = int(time.time())
    return dice.choice(
        (
            genuine,
            genuine,
            Request(url, body, headers | {"X-AgentTrader-Event-Id": str(uuid4())}),
            signed(made, order_event(f"late {number}"), now - 301),
            signed(made, order_event(f"early {number}"), now + 400),
            Request(url, body.replace(b'"1"', b'"2"'), headers),
            Request(url, body, headers | {"X-AgentTrader-Timestamp": str(now + 1 + number)}),
            Request(url, body, {}),
            signed(made | {"secret": "ats_" + "0" * 64}, body),
            Request(f"{url.rsplit('/', 1)[0]}/{uuid4()}", body, headers),
        )
    )


def _storm(makes: list[dict[str, Any]], numbers: range, times: int) -> list[Request]:
    """Each of these events once from its sender, and so many times as many deliveries of all in any order."""
    dice = random.Random(numbers.start)
    genuine = [(_genuine(makes[number % len(makes)], number), makes[number % len(makes)]) for number in numbers]
    sent = [request for request, _ in genuine]
    while len(sent) < times * len(numbers):
        sent.append(_imitation(dice, *dice.choice(genuine), len(sent)))
    dice.shuffle(sent)
    return sent


@pytest.mark.parametrize(
    ("sources", "portions", "times"),
    [(2, 1, 8), pytest.param(4, 80, 5, marks=[pytest.mark.long, pytest.mark.timeout(1800)])],
    ids=["hundreds", "ten thousand"],
)
def test_deliveries_when_replayed_late_doubled_and_tampered_then_exactly_the_legitimate_trades(
    trader: Caller, ledger: Ledger, client: httpx.Client, sources: int, portions: int, times: int
) -> None:
    makes = [created(trader) for _ in range(sources)]
    size = 25
    # In portions: what is signed is good for five minutes, on a slow machine too.
    for portion in range(portions):
        sent = _storm(makes, range(portion * size, (portion + 1) * size), times)
        with ThreadPoolExecutor(SENDERS) as pool:
            answers = list(pool.map(lambda request: request.sent(client), sent))
        strange = {answer.text for answer in answers if answer.status_code not in (200, 202, 401, 422)}
        assert strange == set()
        assert sum(answer.status_code == 202 for answer in answers) == size
    named = [f"automation|{made['source_id']}|%" for made in makes]
    traded = ledger.rows("select reason, quantity::integer from public.trades where signal like any (%s)", named)
    assert sorted(traded) == sorted((f"event {number}", 1) for number in range(portions * size))
