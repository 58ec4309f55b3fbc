"""The kill switch over the API: engaged by its owner, lifted with a second factor."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import jwt
import pytest

from local.stack import Stack
from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger


@pytest.fixture
def trader(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody whose halts are no one else's matter."""
    return sign_up(f"halting-{uuid4().hex[:8]}")


@pytest.fixture
def sure(trader: Caller, stack: Stack) -> Caller:
    """The same, signed in with a second factor."""
    claims = {"sub": str(trader.id), "role": "authenticated", "aal": "aal2", "exp": int(time.time()) + 600}
    return replace(trader, token=jwt.encode(claims, stack.secrets.jwt_secret, algorithm="HS256"))


def gate_of(person: Caller) -> str:
    assert person.desk is not None
    return person.desk.gate("account")


def test_halt_when_engaged_then_what_is_open_is_told_until_it_is_complete(trader: Caller, ledger: Ledger) -> None:
    assert trader.desk is not None
    entry = trader.desk.place(quantity="3")
    key = gate_of(trader)
    closed = trader.post("/risk/halts", {"gate_key": key, "mode": "cancel_working", "reason": "odd prices"})
    assert (closed.status_code, closed.json()["closed"], closed.json()["mode"]) == (200, True, "cancel_working")
    assert trader.desk.status(entry) == "canceled"
    (halt,) = trader.get("/risk/halts").json()["data"]
    assert (halt["gate_key"], halt["working_entries"], halt["complete"]) == (key, 0, True)
    gates = trader.get("/risk/gates", params={"closed": "true"}).json()["data"]
    assert [gate["gate_key"] for gate in gates] == [key]
    (event,) = trader.get("/risk/halts/history", params={"gate_key": key}).json()["data"]
    assert (event["action"], event["reason"], event["by_whom"]) == ("engaged", "odd prices", f"user:{trader.id}")


def test_halt_when_sent_again_under_its_key_then_engaged_once(trader: Caller, ledger: Ledger) -> None:
    named = {"Idempotency-Key": str(uuid4())}
    said = {"gate_key": gate_of(trader), "reason": "enough"}
    first = trader.post("/risk/halts", said, headers=named)
    again = trader.post("/risk/halts", said, headers=named)
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (200, first.json(), "true")
    assert ledger.one("select count(*) from public.trading_halts where gate_key = %s", gate_of(trader)) == 1


def test_halt_when_lifted_then_only_with_a_second_factor_and_a_reason(trader: Caller, sure: Caller) -> None:
    key = gate_of(trader)
    trader.post("/risk/halts", {"gate_key": key, "mode": "flatten", "reason": "enough"})
    weak = trader.post(f"/risk/halts/{key}/lift", {"reason": "it was the feed"})
    assert (weak.status_code, weak.json()["code"]) == (403, "SECOND_FACTOR_NEEDED")
    silent = sure.post(f"/risk/halts/{key}/lift", {"reason": " "})
    assert (silent.status_code, silent.json()["errors"][0]["field"]) == (422, "body.reason")
    lifted = sure.post(f"/risk/halts/{key}/lift", {"reason": "it was the feed"})
    assert (lifted.status_code, lifted.json()["closed"]) == (200, False), lifted.text
    assert sure.get("/risk/halts").json()["data"] == []


def test_halt_when_the_gate_is_anothers_then_404(owner: Caller, stranger: Caller, sure: Caller) -> None:
    engaged = stranger.post("/risk/halts", {"gate_key": gate_of(owner), "reason": "spite"})
    assert (engaged.status_code, engaged.json()["code"]) == (404, "NO_SUCH_GATE")
    assert sure.post(f"/risk/halts/{gate_of(owner)}/lift", {"reason": "spite"}).status_code == 404
    assert stranger.post("/risk/halts", {"gate_key": "global", "reason": "spite"}).status_code == 404


def test_halt_when_a_key_would_lift_it_then_only_a_person_does(trader: Caller, key_of: Callable[..., Caller]) -> None:
    program = key_of(trader, "risk", "read")
    key = gate_of(trader)
    assert program.post("/risk/halts", {"gate_key": key, "reason": "a model says so"}).status_code == 200
    refused = program.post(f"/risk/halts/{key}/lift", {"reason": "a model says so"})
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_NEEDED")


def test_halt_when_the_gate_has_no_such_name_then_422_names_it(owner: Caller) -> None:
    answer = owner.post("/risk/halts", {"gate_key": "everything", "reason": "enough"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.gate_key")
