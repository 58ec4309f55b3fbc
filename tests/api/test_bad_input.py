"""What a sender could break the API with, through the gateway, the edge function and the ledger."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.stack import Stack
from tests.api.conftest import Caller

_JSON = {"Content-Type": "application/json"}
_BODIES: dict[str, tuple[bytes, int]] = {
    "NUL in text": (b'{"display_name":"a\\u0000","time_zone":"Europe/Paris"}', 422),
    "half a pair": (b'{"display_name":"\\ud800","time_zone":"Europe/Paris"}', 422),
    "a member twice": (b'{"display_name":"a","display_name":"b","time_zone":"Europe/Paris"}', 422),
    "an unknown member": (b'{"display_name":"a","time_zone":"Europe/Paris","user_id":"x"}', 422),
    "a depth": (b'{"display_name":' + b"[" * 30_000 + b"]" * 30_000 + b"}", 422),
    "a number beyond all": (b'{"display_name":1e999,"time_zone":"Europe/Paris"}', 422),
    "no UTF-8": (b'{"display_name":"\xff\xfe","time_zone":"Europe/Paris"}', 400),
    "no JSON": (b"<xml/>", 400),
    "too much": (b'{"display_name":"' + b"a" * (1 << 17) + b'"}', 413),
}


@pytest.mark.parametrize("what", _BODIES)
def test_body_when_it_holds_what_cannot_be_taken_then_a_problem_of_the_sender(owner: Caller, what: str) -> None:
    body, status = _BODIES[what]
    answer = owner.ask("PUT", "/user/profile", content=body, headers=_JSON | {"If-Match": "*"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text


def test_body_when_it_is_said_to_be_something_else_then_415(owner: Caller) -> None:
    headers = {"Content-Type": "text/plain", "If-Match": "*"}
    assert owner.ask("PUT", "/user/profile", content=b"{}", headers=headers).status_code == 415


@pytest.mark.parametrize(
    "query", ["cursor=%00", "cursor=WyJhIiwiYiJd", "limit=1e400", "limit=-1", "limit=1&limit=2", "or=(a)"]
)
def test_query_when_it_holds_what_cannot_be_taken_then_422(owner: Caller, query: str) -> None:
    assert owner.get(f"/trades?{query}").status_code == 422


def test_header_when_it_carries_another_header_then_none_of_it_comes_back(owner: Caller) -> None:
    answer = owner.ask(
        "PUT", "/user/profile", json={}, headers={"If-Match": '"1"%0d%0aSet-Cookie: a=b', "X-Request-Id": "a%0d%0ab"}
    )
    assert (answer.status_code < 500, "Set-Cookie" in answer.headers) == (True, False)
    assert "%0d" not in answer.headers["X-Request-Id"]


def test_request_when_its_lines_cannot_be_read_then_4xx_and_the_gateway_goes_on(stack: Stack, owner: Caller) -> None:
    target = urlsplit(stack.url("gateway"))
    for raw in (
        b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x00c\r\n\r\n",
        b"\x16\x03\x01\x00\n\n",
        b"GET /functions/v1/api/%\r\n\r\n",
    ):
        with socket.create_connection((target.hostname or "", target.port or 0), timeout=10) as connection:
            connection.sendall(raw)
            assert connection.recv(100).startswith(b"HTTP/1.1 4")
    assert owner.get("/strategy-kinds").status_code == 200


def test_log_when_requests_were_answered_then_no_token_and_no_body_is_in_it(stack: Stack, owner: Caller) -> None:
    owner.ask("PUT", "/user/profile?hush=hush-query", json={"password": "hush-body"}, headers={"apikey": "hush-key"})
    written = Path(stack.state, "logs", "edge.log").read_text()
    requests = [json.loads(line) for line in written.split("\n") if line.startswith('{"severity"')]
    assert any(line["path"] == "/api/user/profile" and line["status"] == 422 for line in requests)
    assert not any(secret in written for secret in ("hush", owner.token or "?", stack.secrets.jwt_secret))
