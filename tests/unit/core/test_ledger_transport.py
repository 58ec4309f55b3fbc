"""Ledger calls: a typed error for every answer, and a token that is renewed before it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest

from functions.core.errors import AgentTraderError, BadInput, Final, NotAuthorised, Temporary
from functions.core.ledger import transport
from functions.core.ledger.errors import LedgerRefused, LedgerUnavailable, from_answer
from functions.core.ledger.transport import RestTransport
from tests.unit.core.settings_made import made_settings

SECRET = "a word of the tests that is more than 32 bytes long"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("PT409", LedgerRefused),
        ("PT422", LedgerRefused),
        ("23505", LedgerRefused),
        ("23514", LedgerRefused),
        ("42501", NotAuthorised),
        ("PGRST301", NotAuthorised),
        ("PGRST302", NotAuthorised),
        ("40001", LedgerUnavailable),
        ("40P01", LedgerUnavailable),
        ("55P03", LedgerUnavailable),
        ("57014", LedgerUnavailable),
        ("57P01", LedgerUnavailable),
        ("53300", LedgerUnavailable),
        ("08006", LedgerUnavailable),
        ("53100", LedgerUnavailable),
        ("58030", LedgerUnavailable),
        ("57P05", LedgerUnavailable),
        ("PGRST000", LedgerUnavailable),
        ("PGRST003", LedgerUnavailable),
        ("502", LedgerUnavailable),
        ("", LedgerUnavailable),
        (None, LedgerUnavailable),
        ("22P02", BadInput),
        ("42883", BadInput),
        ("22003", BadInput),
        ("PGRST202", BadInput),
        ("P0001", BadInput),
    ],
)
def test_from_answer_when_the_ledger_says_a_code_then_it_has_one_kind(
    code: str | None, kind: type[AgentTraderError]
) -> None:
    error = from_answer("claim_trade", code, "something", None, None)
    assert type(error) is kind
    assert isinstance(error, Temporary) is not isinstance(error, Final)


def test_from_answer_when_a_rule_refuses_then_code_advice_and_numbers_are_kept() -> None:
    error = from_answer("approve_trade", "PT409", "POSITION_LIMIT: too many", '{"asked": "3"}', "Ask for fewer.")
    assert isinstance(error, LedgerRefused)
    assert (error.code, error.text, error.http_status) == ("POSITION_LIMIT", "Ask for fewer.", 409)
    assert error.numbers == {"asked": "3"}


@pytest.mark.parametrize("details", [None, "", "no json", "[1]", [1], 7])
def test_from_answer_when_details_are_no_object_then_there_are_no_numbers(details: Any) -> None:
    assert from_answer("f", "PT409", "CODE", details, None).numbers == {}


class Gateway:
    """Answers every rpc with one answer, and keeps the tokens it was shown."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> Any:
                if name == "do_POST":
                    return self._answer
                raise AttributeError(name)

            def _answer(self) -> None:
                outer.asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                outer.tokens.append(self.headers["Authorization"].removeprefix("Bearer "))
                status, body = outer.answers.pop(0) if outer.answers else outer.answer
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Nothing is said."""

        self.asked: list[tuple[str, Any]] = []
        self.tokens: list[str] = []
        self.answer: tuple[int, bytes] = (200, b'["SPY"]')
        self.answers: list[tuple[int, bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    yield found
    found.close()


def transport_to(url: str, **more: Any) -> RestTransport:
    return RestTransport(
        made_settings(supabase_url=url, publishable_key="a.b.c", jwt_secret=SECRET, **more), "fn_ingest"
    )


def test_call_when_made_then_the_role_is_in_a_token_that_soon_ends(gateway: Gateway) -> None:
    assert transport_to(gateway.url).call("watched_symbols", {"p": 1}) == ["SPY"]
    assert gateway.asked == [("/rest/v1/rpc/watched_symbols", {"p": 1})]
    claims = jwt.decode(gateway.tokens[0], SECRET, algorithms=["HS256"], audience="authenticated")
    assert claims["role"] == "fn_ingest"
    assert claims["exp"] - claims["iat"] == 600


class Clock:
    """Machine time, moved by the test; `asleep` is time that the monotonic clock does not count."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.asleep = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + self.asleep


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(transport, "time", made)
    return made


def test_call_when_the_token_is_near_its_end_then_a_new_one_is_made(gateway: Gateway, clock: Clock) -> None:
    calls = transport_to(gateway.url)
    for seconds in (0, 539, 2):
        clock.now += seconds
        calls.call("watched_symbols", {})
    assert gateway.tokens[0] == gateway.tokens[1] != gateway.tokens[2]


def test_call_when_the_machine_slept_over_the_tokens_end_then_a_new_one_is_made(gateway: Gateway, clock: Clock) -> None:
    calls = transport_to(gateway.url)
    calls.call("watched_symbols", {})
    clock.asleep = 3600
    calls.call("watched_symbols", {})
    assert gateway.tokens[0] != gateway.tokens[1]


@pytest.mark.parametrize("life", [60, 90, 3600])
def test_call_when_the_token_lives_short_or_long_then_each_call_carries_one_that_is_valid_for_a_while(
    gateway: Gateway, clock: Clock, life: int
) -> None:
    calls = transport_to(gateway.url, token_seconds=life)
    for _ in range(40):
        calls.call("watched_symbols", {})
        claims = jwt.decode(
            gateway.tokens[-1],
            SECRET,
            algorithms=["HS256"],
            audience="authenticated",
            options={"verify_exp": False, "verify_iat": False},
        )
        assert clock.now + 20 <= claims["exp"] <= clock.now + life
        clock.now += life / 12
    assert len(set(gateway.tokens)) < len(gateway.tokens)


EXPIRED = (401, json.dumps({"code": "PGRST303", "message": "JWT expired", "details": None, "hint": None}).encode())


def test_call_when_the_ledger_says_expired_then_it_is_asked_once_more_with_a_token_made_now(
    gateway: Gateway, clock: Clock
) -> None:
    calls = transport_to(gateway.url)
    calls.call("watched_symbols", {})
    clock.now += 1
    gateway.answers = [EXPIRED]
    assert calls.call("watched_symbols", {}) == ["SPY"]
    assert len(gateway.asked) == 3
    assert gateway.tokens[1] != gateway.tokens[2]


def test_call_when_the_ledger_goes_on_saying_expired_then_it_is_not_asked_for_ever(gateway: Gateway) -> None:
    gateway.answer = EXPIRED
    with pytest.raises(NotAuthorised):
        transport_to(gateway.url).call("watched_symbols", {})
    assert len(gateway.asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (409, {"code": "PT409", "message": "GATE_CLOSED", "details": None, "hint": "Lift it."}, LedgerRefused),
        (403, {"code": "42501", "message": "permission denied", "details": None, "hint": None}, NotAuthorised),
        (503, {"code": "PGRST000", "message": "no connection", "details": None, "hint": None}, LedgerUnavailable),
        (502, None, LedgerUnavailable),
    ],
)
def test_call_when_the_answer_is_an_error_then_it_is_typed(
    status: int, body: Any, kind: type[AgentTraderError], gateway: Gateway
) -> None:
    gateway.answer = (status, b"<html>bad gateway</html>" if body is None else json.dumps(body).encode())
    with pytest.raises(kind):
        transport_to(gateway.url).call("claim_trade", {})


def test_call_when_nobody_listens_then_the_ledger_is_unavailable() -> None:
    with pytest.raises(LedgerUnavailable):
        transport_to("http://127.0.0.1:9").call("claim_trade", {})
