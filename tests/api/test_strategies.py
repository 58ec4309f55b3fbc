"""Strategies through the API: written, changed, started, stopped and deleted by their owner alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Caller
from tests.integration.ledger.desk import found_valid
from tests.integration.ledger.ledger import Ledger


def _wanted(person: Caller, **otherwise: Any) -> dict[str, Any]:
    assert person.desk is not None
    return {
        "broker_account_id": str(person.desk.account),
        "name": f"mine {uuid4()}",
        "kind": "rsi_reversion",
        "symbols": ["SPY"],
        "config": {},
    } | otherwise


def _written(person: Caller, **otherwise: Any) -> dict[str, Any]:
    answer = person.post("/strategies", _wanted(person, **otherwise))
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


def test_strategy_when_written_then_a_draft_that_is_read_back_and_listed(owner: Caller) -> None:
    wanted = _wanted(owner, config={"quantity": "10"}, timeframe="5Min", description="for a test")
    answer = owner.post("/strategies", wanted)
    row = answer.json()
    assert (answer.status_code, answer.headers["ETag"], row["status"]) == (201, '"1"', "draft")
    assert row.items() >= wanted.items()
    read = owner.get(f"/strategies/{row['id']}")
    # The platform may have found it valid meanwhile, which is a change of the row.
    assert read.json()["id"] == row["id"]
    assert read.headers["ETag"] == f'"{read.json()["version"]}"'
    listed = owner.get("/strategies", params={"kind": "rsi_reversion", "status": "draft", "symbol": "SPY"}).json()
    assert row["id"] in [one["id"] for one in listed["data"]]


def test_strategy_when_the_request_is_sent_again_then_it_is_the_same_row(owner: Caller, ledger: Ledger) -> None:
    wanted, key = _wanted(owner), {"Idempotency-Key": str(uuid4())}
    first = owner.post("/strategies", wanted, headers=key)
    again = owner.post("/strategies", wanted, headers=key)
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, first.json(), "true")
    # As if the edge function had died before it kept the answer.
    ledger.run(
        "update public.idempotency_keys set response = null, finished_at = null where key = %s", key["Idempotency-Key"]
    )
    died = owner.post("/strategies", wanted, headers=key)
    assert (died.status_code, died.json()["id"]) == (201, first.json()["id"])


@pytest.mark.parametrize(
    ("otherwise", "status", "code"),
    [
        ({"kind": "by_magic"}, 422, "NO_SUCH_KIND"),
        ({"broker_account_id": str(uuid4())}, 404, "NO_SUCH_ACCOUNT"),
        ({"symbols": []}, 422, "MALFORMED"),
        ({"symbols": ["spy"]}, 422, "MALFORMED"),
        ({"timeframe": "2Min"}, 422, "MALFORMED"),
        ({"status": "active"}, 422, "MALFORMED"),
        ({"config": {"much": "x" * 4000}}, 422, "MALFORMED"),
        ({"config": {"short": [1] * 1900}}, 422, "BAD_STRATEGY"),
    ],
)
def test_strategy_when_it_cannot_be_then_refused_with_the_reason(
    owner: Caller, otherwise: dict[str, Any], status: int, code: str
) -> None:
    answer = owner.post("/strategies", _wanted(owner, **otherwise))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if code == "MALFORMED":
        (error,) = answer.json()["errors"]
        assert error["field"].startswith(f"body.{next(iter(otherwise))}")


def test_strategy_when_its_account_is_a_strangers_then_refused_as_if_there_were_none(
    owner: Caller, stranger: Caller
) -> None:
    assert stranger.desk is not None
    answer = owner.post("/strategies", _wanted(owner, broker_account_id=str(stranger.desk.account)))
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_ACCOUNT")


def test_strategy_when_a_config_holds_a_number_beyond_every_measure_then_refused(owner: Caller) -> None:
    body = json.dumps(_wanted(owner)).replace('"config": {}', '"config": {"a": [1e999]}')
    answer = owner.ask("POST", "/strategies", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.config.a.0")


def test_strategy_when_its_name_is_taken_then_conflict(owner: Caller) -> None:
    row = _written(owner)
    other = _written(owner)
    answer = owner.post("/strategies", _wanted(owner, name=row["name"]))
    assert (answer.status_code, answer.json()["code"]) == (409, "NAME_TAKEN")
    terms = {"name": row["name"], "config": {}, "symbols": ["SPY"]}
    renamed = owner.put(f"/strategies/{other['id']}", terms)
    assert (renamed.status_code, renamed.json()["code"]) == (409, "NAME_TAKEN")


def test_strategy_when_changed_then_a_new_version_unless_another_change_came_first(owner: Caller) -> None:
    row = _written(owner)
    path = f"/strategies/{row['id']}"
    seen = owner.get(path).headers["ETag"]
    terms = {"name": row["name"], "config": {"quantity": "5"}, "symbols": ["SPY", "IWM"]}
    changed = owner.put(path, terms)
    assert (changed.status_code, changed.json()["strategy_version"], changed.json()["symbols"]) == (
        200,
        2,
        ["SPY", "IWM"],
    )
    late = owner.put(path, terms, seen)
    assert (late.status_code, late.json()["code"]) == (412, "CHANGED_MEANWHILE")
    unsaid = owner.ask("PUT", path, json=terms)
    assert (unsaid.status_code, unsaid.json()["code"]) == (428, "VERSION_NEEDED")
    versions = owner.get(f"{path}/versions").json()["data"]
    assert [(one["strategy_version"], one["symbols"]) for one in versions] == [(2, ["SPY", "IWM"]), (1, ["SPY"])]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {"name": "n", "config": {}, "symbols": ["SPY"]}),
        ("DELETE", "", None),
        ("POST", "/activate", {}),
        ("POST", "/deactivate", {"then": "leave"}),
        ("GET", "/deactivation", None),
        ("GET", "/decisions", None),
        ("GET", "/versions", None),
        ("GET", "/validation", None),
    ],
)
def test_strategy_when_it_is_a_strangers_then_not_found(
    owner: Caller, stranger: Caller, method: str, path: str, body: Any
) -> None:
    assert owner.desk is not None
    headers = {"If-Match": "*"} if method == "PUT" else {}
    answer = stranger.ask(method, f"/strategies/{owner.desk.strategy}{path}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"].split("_")[0]) == (404, "NO")


def test_strategy_when_started_and_stopped_then_it_says_what_is_in_force(
    sign_up: Callable[[str], Caller], ledger: Ledger
) -> None:
    person = sign_up("starter")
    row = _written(person)
    path = f"/strategies/{row['id']}"
    found_valid(ledger, row["id"])
    assert person.get(f"{path}/validation").json()["state"] == "valid"
    moment = "2018-02-05T14:30:00+00:00"
    started = person.post(f"{path}/activate", {"from": moment})
    assert (started.status_code, started.json()["status"], started.json()["decides_after"]) == (200, "active", moment)
    assert "NO_CREDENTIAL" in [warning["code"] for warning in started.json()["warnings"]]
    busy = person.put(path, {"name": row["name"], "config": {}, "symbols": ["IWM"]})
    assert (busy.status_code, busy.json()["code"]) == (409, "STRATEGY_IS_ACTIVE")
    stopped = person.post(f"{path}/deactivate", {"then": "flatten"})
    assert (stopped.status_code, stopped.json()["status"], stopped.json()["then"]) == (200, "inactive", "flatten")
    assert stopped.headers["ETag"] == f'"{stopped.json()["version"]}"'
    progress = person.get(f"{path}/deactivation")
    assert (progress.status_code, progress.json()["then"], progress.json()["complete"]) == (200, "flatten", True)
    assert person.delete(path).status_code == 204
    assert person.get(path).status_code == 404
    assert person.get("/strategies", params={"status": "draft"}).json()["data"] == []


def test_strategy_when_the_clock_is_the_machines_then_nobody_names_the_moment(
    owner: Caller, ledger: Ledger, request: pytest.FixtureRequest
) -> None:
    row = _written(owner)
    found_valid(ledger, row["id"])
    ledger.run("update private.settings set value = 'machine' where name = 'market_clock'")
    request.addfinalizer(lambda: ledger.run("update private.settings set value = 'tape' where name = 'market_clock'"))
    answer = owner.post(f"/strategies/{row['id']}/activate", {"from": "2018-02-05T14:30:00Z"})
    assert (answer.status_code, answer.json()["code"]) == (422, "BAD_START")


def test_strategy_when_stopped_by_a_key_then_closing_needs_more_than_the_scope_of_strategies(
    owner: Caller, key_of: Callable[..., Caller]
) -> None:
    path = f"/strategies/{_written(owner)['id']}/deactivate"
    program = key_of(owner, "strategies")
    assert program.post(path, {"then": "leave"}).status_code == 200
    refused = program.post(path, {"then": "flatten"})
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_NEEDED")


def test_strategy_when_it_has_decided_then_its_decisions_are_paged_to_the_last(owner: Caller, ledger: Ledger) -> None:
    strategy = _written(owner)["id"]
    ledger.run(
        "insert into public.strategy_decisions (strategy_id, symbol, bar_at, user_id, strategy_version, action, "
        "reason) select %s, s, '2018-02-05T14:30Z'::timestamptz + m * interval '1 minute', %s, 1, 'stay', 'so' "
        "from generate_series(1, 3) as m, unnest(array['SPY', 'IWM']) as s",
        strategy,
        owner.id,
    )
    seen, cursor = [], None
    while True:
        asked = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        page = owner.get(f"/strategies/{strategy}/decisions", params=asked).json()
        seen += [(one["bar_at"][11:16], one["symbol"]) for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [(f"14:3{minute}", symbol) for minute in (3, 2, 1) for symbol in ("SPY", "IWM")]
    only = owner.get(f"/strategies/{strategy}/decisions", params={"symbol": "IWM", "action": "stay"}).json()["data"]
    assert {one["symbol"] for one in only} == {"IWM"}
    assert owner.get(f"/strategies/{strategy}/decisions", params={"cursor": "no"}).json()["code"] == "BAD_CURSOR"
