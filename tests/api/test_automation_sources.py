"""Outside senders as their owner sees them: created, changed, given a new secret, disabled, and what they have sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Caller

PATH = "/automation-sources"


def source_of(person: Caller, **more: Any) -> dict[str, Any]:
    """What creates a source of somebody's own."""
    assert person.desk is not None
    return {
        "name": str(uuid4()),
        "broker_account_id": str(person.desk.account),
        "kind": "generic",
        "symbols": ["SPY"],
        "max_quantity": "100",
        "max_per_minute": 600,
    } | more


def created(person: Caller, **more: Any) -> dict[str, Any]:
    answer = person.post(PATH, source_of(person, **more))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def settings_of(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What changes a source, as it was read."""
    named = ("name", "strategy_id", "symbols", "max_quantity", "max_per_minute", "networks", "templates", "enabled")
    return {name: source[name] for name in named} | more


def test_source_when_created_then_its_secret_is_shown_once(owner: Caller) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    wanted = source_of(owner)
    made = owner.post(PATH, wanted, headers=key).json()
    assert made["secret"].startswith("ats_")
    assert made["url"].endswith(f"/functions/v1/automation/{made['source_id']}")
    again = owner.post(PATH, wanted, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "DONE_ALREADY")
    read = owner.get(f"{PATH}/{made['source_id']}")
    assert (read.status_code, read.headers["ETag"], read.json()["authentication"]) == (200, '"1"', "hmac")
    assert made["secret"] not in read.text
    assert made["source_id"] in {row["id"] for row in owner.get(PATH).json()["data"]}


def test_source_when_changed_then_by_whoever_saw_its_newest_version(owner: Caller) -> None:
    path = f"{PATH}/{created(owner)['source_id']}"
    source = owner.get(path).json()
    changed = owner.put(path, settings_of(source, max_quantity="7"), '"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert float(changed.json()["max_quantity"]) == 7
    late = owner.put(path, settings_of(source), '"1"')
    assert (late.status_code, late.json()["code"]) == (412, "CHANGED_MEANWHILE")
    never = owner.put(path, settings_of(source), '"0"')
    assert (never.status_code, never.json()["code"]) == (400, "BAD_VERSION")
    assert owner.delete(path).status_code == 204
    assert owner.get(path).json()["enabled"] is False


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"symbols": []}, "body.symbols"),
        ({"max_quantity": 100}, "body.max_quantity"),
        ({"max_quantity": "0"}, "body.max_quantity"),
        ({"networks": ["everywhere"]}, "body.networks.0"),
        ({"kind": "email"}, "body.kind"),
        ({"secret": "mine"}, "body.secret"),
    ],
)
def test_source_when_a_field_is_wrong_then_it_is_named(owner: Caller, more: dict[str, Any], field: str) -> None:
    answer = owner.post(PATH, source_of(owner, **more))
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


def test_source_when_it_cannot_sign_then_it_is_asked_for_by_name_and_fenced(owner: Caller) -> None:
    weak = {"authentication": "url_token", "networks": ["203.0.113.0/24"], "max_per_minute": 10}
    made = created(owner, **weak)
    assert made["url"].endswith(f"?token={made['secret']}")
    looser: tuple[dict[str, Any], ...] = ({"networks": []}, {"networks": ["0.0.0.0/0"]}, {"max_per_minute": 11})
    for loose in looser:
        answer = owner.post(PATH, source_of(owner, **weak | loose))
        assert (answer.status_code, answer.json()["code"]) == (422, "BAD_SOURCE")


def test_source_when_it_is_anothers_then_there_is_none(owner: Caller, stranger: Caller) -> None:
    theirs = f"{PATH}/{created(stranger)['source_id']}"
    settings = settings_of(stranger.get(theirs).json())
    asked: tuple[httpx.Response, ...] = (
        owner.get(theirs),
        owner.put(theirs, settings),
        owner.delete(theirs),
        owner.post(f"{theirs}/rotate", {}),
        owner.get(f"{theirs}/deliveries"),
        owner.get(f"{theirs}/refused"),
        owner.post(PATH, source_of(owner, broker_account_id=source_of(stranger)["broker_account_id"])),
    )
    assert [answer.status_code for answer in asked] == [404] * len(asked)


def test_source_when_a_program_wants_one_then_only_a_person_may(owner: Caller, key_of: Callable[..., Caller]) -> None:
    program = key_of(owner, "read", "trade", "strategies", "risk", "reports")
    assert program.get(PATH).status_code == 200
    assert program.post(PATH, source_of(owner)).status_code == 403
    assert program.post(f"{PATH}/{created(owner)['source_id']}/rotate", {}).status_code == 403
