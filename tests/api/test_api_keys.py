"""API keys through the API: shown once, used, revoked; by a person alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Caller


def _wanted(**otherwise: Any) -> dict[str, Any]:
    ends_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    return {"name": "mine", "scopes": ["read"], "expires_at": ends_at} | otherwise


def test_key_when_made_then_shown_once_and_it_opens_what_its_scopes_say_until_revoked(owner: Caller) -> None:
    wanted, sent = _wanted(), {"Idempotency-Key": str(uuid4())}
    answer = owner.post("/api-keys", wanted, headers=sent)
    made = answer.json()
    assert (answer.status_code, made["scopes"], made["revoked_at"]) == (201, ["read"], None)
    assert made["key"].startswith(made["prefix"])
    again = owner.post("/api-keys", wanted, headers=sent)
    assert (again.status_code, again.json()["code"]) == (409, "DONE_ALREADY")
    assert made["key"] not in again.text

    program = Caller(owner.http, made["key"])
    assert program.get("/strategies").status_code == 200
    listed = {one["id"]: one for one in owner.get("/api-keys").json()["data"]}
    assert "key" not in listed[made["id"]]
    assert listed[made["id"]]["last_used_at"] is not None

    assert owner.delete(f"/api-keys/{made['id']}").status_code == 204
    assert owner.delete(f"/api-keys/{made['id']}").status_code == 204, "safe to repeat"
    # The edge function may still know the key; the ledger does not let it read.
    assert program.get("/strategies").status_code == 401
    assert owner.get(f"/api-keys/{made['id']}").json()["revoked_at"] is not None


def test_key_when_the_same_request_comes_sixteen_times_at_once_then_one_is_made(owner: Caller) -> None:
    wanted, sent = _wanted(name=f"raced {uuid4()}"), {"Idempotency-Key": str(uuid4())}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: owner.post("/api-keys", wanted, headers=sent), range(16)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    listed = owner.get("/api-keys", params={"limit": 100}).json()["data"]
    assert [one["name"] for one in listed].count(wanted["name"]) == 1


@pytest.mark.parametrize("refused", [{"scopes": []}, {"expires_at": "2018-02-05T00:00:00Z"}])
def test_key_when_the_request_was_refused_then_it_may_be_mended_under_the_same_idempotency_key(
    owner: Caller, refused: dict[str, Any]
) -> None:
    sent = {"Idempotency-Key": str(uuid4())}
    assert owner.post("/api-keys", _wanted(**refused), headers=sent).status_code == 422
    assert owner.post("/api-keys", _wanted(), headers=sent).status_code == 201


@pytest.mark.parametrize(
    ("otherwise", "code", "field"),
    [
        ({"scopes": []}, "MALFORMED", "body.scopes"),
        ({"scopes": ["everything"]}, "MALFORMED", "body.scopes.0"),
        ({"name": ""}, "MALFORMED", "body.name"),
        ({"expires_at": "soon"}, "MALFORMED", "body.expires_at"),
        ({"expires_at": "2018-02-05T00:00:00Z"}, "BAD_KEY", None),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "BAD_KEY", None),
    ],
)
def test_key_when_it_cannot_be_then_refused(
    owner: Caller, otherwise: dict[str, Any], code: str, field: str | None
) -> None:
    answer = owner.post("/api-keys", _wanted(**otherwise))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert field is None or answer.json()["errors"][0]["field"] == field


def test_key_when_it_is_a_strangers_then_neither_read_nor_revoked(owner: Caller, stranger: Caller) -> None:
    key = owner.post("/api-keys", _wanted()).json()
    assert stranger.get(f"/api-keys/{key['id']}").status_code == 404
    refused = stranger.delete(f"/api-keys/{key['id']}")
    assert (refused.status_code, refused.json()["code"]) == (404, "NO_SUCH_KEY")
    assert Caller(owner.http, key["key"]).get("/strategies").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/api-keys"), ("POST", "/api-keys")])
def test_key_when_a_program_asks_for_keys_then_only_a_person_may(
    owner: Caller, key_of: Callable[..., Caller], method: str, path: str
) -> None:
    program = key_of(owner, "read", "trade", "strategies", "risk", "reports")
    answer = program.ask(method, path, json=_wanted() if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (403, "SCOPE_NEEDED")
