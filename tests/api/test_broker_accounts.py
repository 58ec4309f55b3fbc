"""Broker accounts through the API: linked, credentials entered sealed, verified again, unlinked; by a person alone."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from functions.brokers.sealing import Binding, Credential, seal
from local.stack import Stack
from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger


@pytest.fixture(scope="module")
def person(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody whose accounts are this module's alone: none of them is served while another test counts."""
    return sign_up("banker")


def _linked(person: Caller, **otherwise: Any) -> dict[str, Any]:
    answer = person.post("/broker-accounts", {"broker": "alpaca", "number": f"PA{uuid4().hex[:10]}"} | otherwise)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


def _sealed(person: Caller, account: str) -> dict[str, str]:
    """As a program does: with the key that the API names."""
    key = person.get("/broker-accounts/sealing-key", params={"purpose": "trading"}).json()
    binding = Binding(person.id, UUID(account), "alpaca", "paper", "trading")
    credential = Credential(binding, {"key": "PKTEST", "secret": "hush"}, datetime.now(UTC))
    return {
        "purpose": "trading",
        "key_id": key["id"],
        "sealed": seal(credential, base64.b64decode(key["public_key"])),
    }


def test_account_when_linked_then_read_listed_and_the_same_again_when_sent_again(
    person: Caller, ledger: Ledger
) -> None:
    wanted = {"broker": "alpaca", "number": "PA3AGAIN0001", "is_paper": True, "label": "mine"}
    key = {"Idempotency-Key": str(uuid4())}
    first = person.post("/broker-accounts", wanted, headers=key)
    row = first.json()
    assert (first.status_code, first.headers["ETag"], row["link_state"]) == (201, '"1"', "unverified")
    assert row.items() >= wanted.items()
    assert person.get(f"/broker-accounts/{row['id']}").json() == row
    assert row in person.get("/broker-accounts", params={"status": "active"}).json()["data"]
    # As if the edge function had died before it kept the answer.
    ledger.run("update public.idempotency_keys set response = null, finished_at = null where key = %s", *key.values())
    assert person.post("/broker-accounts", wanted, headers=key).json() == row
    twice = person.post("/broker-accounts", wanted)
    assert (twice.status_code, twice.json()["code"]) == (409, "ACCOUNT_IS_LINKED")
    assert twice.json()["numbers"] == {"account": row["id"], "status": "active"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"broker": "robinhood", "number": "1"}, "body.broker"),
        ({"broker": "alpaca"}, "body.number"),
        ({"broker": "alpaca", "number": ""}, "body.number"),
        ({"broker": "alpaca", "number": "1", "user_id": str(uuid4())}, "body.user_id"),
        ({"broker": "alpaca", "number": "1", "link_state": "verified"}, "body.link_state"),
    ],
)
def test_account_when_it_cannot_be_then_the_field_is_named(person: Caller, body: dict[str, Any], field: str) -> None:
    answer = person.post("/broker-accounts", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_credential_when_entered_then_kept_sealed_and_asked_for_again_after_a_refusal(
    person: Caller, ledger: Ledger
) -> None:
    account = _linked(person)["id"]
    path = f"/broker-accounts/{account}"
    none = person.post(f"{path}/verify")
    assert (none.status_code, none.json()["code"]) == (409, "NO_CREDENTIAL")
    entered = person.put(path, {"credential": _sealed(person, account), "label": "new"}, '"1"')
    assert (entered.status_code, entered.json()["label"]) == (200, "new")
    assert entered.json()["trading_entered_at"] is not None
    late = person.put(path, {"credential": _sealed(person, account)}, '"1"')
    assert (late.status_code, late.json()["code"]) == (412, "CHANGED_MEANWHILE")

    # The running cloud asks a broker that is not there; this verdict is there first, or comes to the same.
    ledger.call(
        "record_account_verification",
        "fn_execute",
        p_account_id=account,
        p_entered_at=entered.json()["trading_entered_at"],
        p_state="refused",
        p_code="BAD_KEYS",
        p_reason="enter them again",
    )
    again = person.post(f"{path}/verify")
    assert (again.status_code, again.json()["state"]) == (202, "unverified")
    asked = "select count(*) from private.outbox where key = %s and type = 'account.credentials_entered'"
    assert ledger.one(asked, account) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "body"),
        ({"credential": {"purpose": "trading", "key_id": "0" * 64, "sealed": "c2VhbGVk"}}, "body.credential.sealed"),
        (
            {"credential": {"purpose": "both", "key_id": "0" * 64, "sealed": "A" * 5526 + "=="}},
            "body.credential.purpose",
        ),
        ({"credential": {"key": "PK1", "secret": "plain"}}, "body.credential.purpose"),
    ],
)
def test_credential_when_it_is_not_sealed_then_refused_and_nothing_is_kept(
    person: Caller, change: dict[str, Any], field: str
) -> None:
    account = _linked(person)["id"]
    answer = person.put(f"/broker-accounts/{account}", change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert person.get(f"/broker-accounts/{account}").json()["trading_entered_at"] is None


def test_credential_when_its_sealing_key_is_unknown_then_refused(person: Caller) -> None:
    account = _linked(person)["id"]
    sealed = _sealed(person, account) | {"key_id": "0" * 64}
    answer = person.put(f"/broker-accounts/{account}", {"credential": sealed})
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_SEALING_KEY")


def test_account_when_unlinked_then_wiped_and_linked_again_without_a_credential(person: Caller) -> None:
    account = _linked(person)["id"]
    path = f"/broker-accounts/{account}"
    person.put(path, {"credential": _sealed(person, account)})
    unsaid = person.delete(path, params={"reason": ""})
    assert (unsaid.status_code, unsaid.json()["errors"][0]["field"]) == (422, "query.reason")
    assert person.delete(path, params={"reason": "moved away"}).status_code == 204
    gone = person.get(path).json()
    assert (gone["status"], gone["unlinked_reason"], gone["trading_entered_at"]) == ("unlinked", "moved away", None)
    back = person.post(f"{path}/relink")
    assert (back.status_code, back.json()["status"], back.json()["trading_entered_at"]) == (200, "active", None)


def test_account_when_a_strategy_is_active_on_it_then_not_unlinked(person: Caller) -> None:
    assert person.desk is not None
    answer = person.delete(f"/broker-accounts/{person.desk.account}", params={"reason": "moved away"})
    assert (answer.status_code, answer.json()["code"]) == (409, "OPEN_EXPOSURE")


def test_live_trading_when_confirmed_then_with_a_second_factor_and_the_number_and_withdrawn_without(
    person: Caller, stack: Stack
) -> None:
    account = _linked(person, is_paper=False)
    path = f"/broker-accounts/{account['id']}"
    alone = person.post(f"{path}/confirm-live", {"number": account["number"]})
    assert (alone.status_code, alone.json()["code"]) == (403, "SECOND_FACTOR_NEEDED")
    claims = jwt.decode(person.token or "", options={"verify_signature": False})
    factored = jwt.encode(claims | {"aal": "aal2"}, stack.secrets.jwt_secret, algorithm="HS256")
    second = Caller(person.http, factored, person.desk, person.email)
    wrong = second.post(f"{path}/confirm-live", {"number": "another"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "WRONG_PHRASE")
    confirmed = second.post(f"{path}/confirm-live", {"number": account["number"]})
    assert confirmed.status_code == 200
    assert confirmed.json()["at"] < confirmed.json()["until"]
    key = {"Idempotency-Key": str(uuid4())}
    assert person.post(f"{path}/withdraw-live", headers=key).status_code == 204
    replayed = person.post(f"{path}/withdraw-live", headers=key)
    assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (204, "true")
    said = person.get(f"{path}/live-confirmations").json()["data"]
    assert [one["action"] for one in said] == ["withdrawn", "confirmed"]
    paper = _linked(person)
    needless = second.post(f"/broker-accounts/{paper['id']}/confirm-live", {"number": paper["number"]})
    assert (needless.status_code, needless.json()["code"]) == (422, "PAPER_ACCOUNT")


def test_balance_when_the_broker_has_spoken_then_its_last_word_as_text(person: Caller, ledger: Ledger) -> None:
    account = _linked(person)["id"]
    assert person.get(f"/broker-accounts/{account}/balance").json()["code"] == "NO_SUCH_BALANCE"
    for minute, cash in ((30, "100.10"), (31, "12345678901234.5678")):
        ledger.call(
            "record_account_snapshot",
            "fn_execute",
            p_account_id=account,
            p_as_of=f"2018-02-05T14:{minute}:00Z",
            p_cash=cash,
            p_equity=cash,
        )
    balance = person.get(f"/broker-accounts/{account}/balance").json()
    assert (balance["cash"].rstrip("0"), balance["buying_power"]) == ("12345678901234.5678", None)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {"label": "theft"}),
        ("PUT", "", {"credential": {"purpose": "data", "key_id": "0" * 64, "sealed": "A" * 5526 + "=="}}),
        ("DELETE", "?reason=theft", None),
        ("POST", "/verify", None),
        ("POST", "/relink", None),
        ("POST", "/confirm-live", {"number": "theft"}),
        ("POST", "/withdraw-live", None),
        ("GET", "/live-confirmations", None),
        ("GET", "/balance", None),
    ],
)
def test_account_when_it_is_a_strangers_then_not_found(
    person: Caller, stranger: Caller, method: str, path: str, body: Any
) -> None:
    assert person.desk is not None
    headers = {"If-Match": "*"} if method == "PUT" else {}
    answer = stranger.ask(method, f"/broker-accounts/{person.desk.account}{path}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"].split("_")[0]) == (404, "NO")


def test_account_when_a_program_asks_then_it_reads_and_changes_nothing(
    person: Caller, key_of: Callable[..., Caller]
) -> None:
    program = key_of(person, "read", "trade", "strategies", "risk", "reports")
    assert program.get("/broker-accounts").status_code == 200
    refused = program.post("/broker-accounts", {"broker": "alpaca", "number": "PA1"})
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_NEEDED")
