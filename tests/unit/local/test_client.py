"""The client retries what may be sent again, renews a session that ends, and gives refusals their type."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from functions.core.errors import (
    AgentTraderError,
    BadInput,
    Misconfigured,
    Mistake,
    NotAuthorised,
    Refused,
    Unavailable,
)
from local.client import Client, Session
from local.client.model import Model, written
from local.client.session import Kept

Answer = httpx.Response | Exception
LIVES = Session("access-1", "refresh-1", datetime.now(UTC) + timedelta(hours=1))


class Server:
    """Gives these answers one after another, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, *, key: str | None = None, session: Session | None = None) -> Client:
        transport = httpx.MockTransport(self)
        return Client("http://here", key=key, session=session, transport=transport, pause=self.pauses.append)

    def headers(self, name: str) -> Sequence[str | None]:
        return [request.headers.get(name) for request in self.asked]


def problem(status: int, code: str = "SAID", **more: object) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "It is so.", "request_id": "r-1"} | more)


def done() -> httpx.Response:
    return httpx.Response(200, json={"data": []})


def test_request_when_it_acts_and_the_connection_breaks_then_sent_again_with_the_same_key() -> None:
    server = Server(httpx.ReadTimeout("late"), problem(503), done())
    server.client(key="at_1").call("POST", "/api/orders", once=True)
    keys = server.headers("Idempotency-Key")
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert keys[0]


def test_request_when_the_caller_names_the_key_then_that_one_is_sent() -> None:
    server = Server(done())
    server.client(key="at_1").call("POST", "/api/orders", headers={"idempotency-key": "mine"}, once=True)
    assert server.headers("Idempotency-Key") == ["mine"]


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("late"), problem(503)])
def test_request_when_it_may_be_done_and_has_no_key_then_not_sent_again(answer: Answer) -> None:
    server = Server(answer, done())
    with pytest.raises(Unavailable):
        server.client(key="at_1").call("PUT", "/api/strategies/1")
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [httpx.ConnectError("no"), problem(429)])
def test_request_when_nothing_was_done_then_sent_again_without_a_key_too(answer: Answer) -> None:
    server = Server(answer, done())
    server.client(key="at_1").call("PUT", "/api/strategies/1")
    assert len(server.asked) == 2


def test_request_when_told_how_long_to_wait_then_waits_so_long() -> None:
    refused = problem(429)
    refused.headers["Retry-After"] = "3"
    server = Server(refused, done())
    server.client(key="at_1").call("GET", "/api/trades")
    assert server.pauses == [3.0]


def test_request_when_nothing_answers_then_temporary_after_some_tries() -> None:
    server = Server(httpx.ConnectError("no"))
    with pytest.raises(Unavailable, match="NO_ANSWER"):
        server.client(key="at_1").call("GET", "/api/trades")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadInput),
        (401, NotAuthorised),
        (403, NotAuthorised),
        (404, Refused),
        (409, Refused),
        (412, Refused),
        (422, BadInput),
        (428, BadInput),
        (500, Mistake),
    ],
)
def test_refusal_when_given_then_typed_with_its_code_and_what_was_seen(
    status: int, kind: type[AgentTraderError]
) -> None:
    fields = [{"field": "body.quantity", "reason": "is above zero"}]
    server = Server(problem(status, "NO_GO", todo="Do otherwise.", numbers={"code": 7}, errors=fields))
    with pytest.raises(kind) as refused:
        server.client(key="at_1").call("GET", "/api/trades")
    error = refused.value
    assert (error.code, error.text) == ("NO_GO", "It is so. Do otherwise.")
    assert error.numbers == {"status": status, "request_id": "r-1", "seen": {"code": 7}, "errors": fields}


def test_refusal_when_it_is_no_problem_document_then_typed_all_the_same() -> None:
    with pytest.raises(Unavailable, match="HTTP_502"):
        Server(httpx.Response(502, text="<html>")).client(key="at_1").call("GET", "/api/trades")


def test_answer_when_it_is_not_what_the_model_is_then_said() -> None:
    with pytest.raises(Mistake, match="NOT_UNDERSTOOD"):
        Server(httpx.Response(200, json={"data": 1})).client(key="at_1").list_strategy_kinds()


def test_answer_when_it_is_a_file_where_json_may_be_too_then_its_bytes() -> None:
    csv = httpx.Response(200, headers={"Content-Type": "text/csv"}, content=b"symbol\nSPY\n")
    assert Server(csv).client(key="at_1").download_report(UUID(int=1), format="csv") == b"symbol\nSPY\n"


def test_answer_when_it_is_json_where_a_file_may_be_too_then_the_model() -> None:
    with pytest.raises(Mistake, match="NOT_UNDERSTOOD"):
        Server(done()).client(key="at_1").download_report(UUID(int=1))


def signed_in(token: str) -> httpx.Response:
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return httpx.Response(200, json={"access_token": token, "refresh_token": "refresh-2", "expires_at": until})


def test_session_when_it_has_ended_then_renewed_before_the_request_and_told() -> None:
    told: list[Session] = []
    server = Server(signed_in("access-2"), done())
    ended = Session("access-1", "refresh-1", datetime.now(UTC))
    with Client("http://here", session=ended, on_renewed=told.append, transport=httpx.MockTransport(server)) as client:
        client.list_strategy_kinds()
    assert [request.url.path for request in server.asked] == [
        "/functions/v1/api/auth/refresh",
        "/functions/v1/api/strategy-kinds",
    ]
    assert json.loads(server.asked[0].content) == {"refresh_token": "refresh-1"}
    assert server.headers("Authorization") == [None, "Bearer access-2"]
    assert [one.refresh_token for one in told] == ["refresh-2"]


def test_session_when_its_token_is_refused_then_renewed_once_and_sent_again() -> None:
    server = Server(problem(401), signed_in("access-2"), problem(401))
    with pytest.raises(NotAuthorised):
        server.client(session=LIVES).call("GET", "/api/trades")
    assert server.headers("Authorization") == ["Bearer access-1", None, "Bearer access-2"]


def test_key_when_refused_then_nothing_is_renewed() -> None:
    server = Server(problem(401))
    with pytest.raises(NotAuthorised):
        server.client(key="at_1").call("GET", "/api/trades")
    assert len(server.asked) == 1


class Priced(Model):
    price: Decimal | None = None
    id: UUID | None = None
    note: str | None = None
    password: SecretStr | None = None


def test_body_when_written_then_amounts_are_text_and_only_what_was_given_is_sent() -> None:
    body = Priced(price=Decimal("1E+2"), note=None, password=SecretStr("hush"))
    assert json.loads(written(body)) == {"price": "100", "note": None, "password": "hush"}


def read_back(path: Path, text: str) -> Callable[[], Kept]:
    path.write_text(text)
    return lambda: Kept.read(path)


def test_kept_session_when_written_then_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "sessions" / "default.json"
    Kept("http://here", "a@example.com", LIVES).write(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Kept.read(file).session == LIVES


def test_kept_session_when_there_is_none_or_no_such_then_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="NOT_SIGNED_IN"):
        Kept.read(tmp_path / "none.json")
    with pytest.raises(Misconfigured, match="BAD_SESSION_FILE"):
        read_back(tmp_path / "some.json", '{"url": 1}')()
