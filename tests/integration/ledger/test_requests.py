"""A doubled request runs once, and nobody asks more often than they may."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.ledger.desk import Desk, calling
from tests.integration.ledger.ledger import Connection, refused

CLIENTS = 16


def _begin(desk: Desk, key: str, request: str = "hash") -> dict[str, Any]:
    asked = {"p_operation": "orders.create", "p_key": key, "p_request_hash": request}
    begun: dict[str, Any] = desk.ledger.call("begin_request", "authenticated", desk.user, **asked)
    return begun


def test_request_when_sent_again_then_it_runs_once_and_gets_the_same_answer(desk: Desk) -> None:
    assert _begin(desk, "k1") == {"state": "new"}
    assert _begin(desk, "k1") == {"state": "running", "response": None}
    finished = {"p_operation": "orders.create", "p_key": "k1", "p_response": {"trade": "t1"}}
    assert desk.ledger.call("finish_request", "authenticated", desk.user, **finished) is True
    finished["p_response"] = {"trade": "another"}
    assert desk.ledger.call("finish_request", "authenticated", desk.user, **finished) is False
    assert _begin(desk, "k1") == {"state": "done", "response": {"trade": "t1"}}


def test_request_when_sent_by_sixteen_clients_at_once_then_one_runs(desk: Desk) -> None:
    for number in range(20):
        asked = {"p_operation": "orders.create", "p_key": f"race-{number}", "p_request_hash": "hash"}
        begun = desk.ledger.at_once(*[calling("begin_request", "authenticated", desk.user, **asked)] * CLIENTS)
        assert sorted(answer["state"] for answer in begun) == ["new"] + ["running"] * (CLIENTS - 1)


def test_request_when_the_key_belongs_to_another_request_then_refused(desk: Desk) -> None:
    _begin(desk, "k2")
    with refused("IDEMPOTENCY_KEY_REUSED", 422):
        _begin(desk, "k2", request="another")


def test_request_when_two_users_choose_the_same_key_then_neither_sees_the_other(desk: Desk) -> None:
    other = Desk.open(desk.ledger)
    _begin(desk, "k3")
    assert _begin(other, "k3", request="another") == {"state": "new"}


def test_request_when_it_was_malformed_then_its_key_is_free_for_the_mended_one(desk: Desk) -> None:
    key = {"p_operation": "orders.create", "p_key": "k4"}
    _begin(desk, "k4")
    other = key | {"p_request_hash": "another"}
    assert desk.ledger.call("abandon_request", "authenticated", desk.user, **other) is False
    stranger = Desk.open(desk.ledger)
    assert desk.ledger.call("abandon_request", "authenticated", stranger.user, **key, p_request_hash="hash") is False
    assert desk.ledger.call("abandon_request", "authenticated", desk.user, **key, p_request_hash="hash") is True
    assert _begin(desk, "k4", request="mended") == {"state": "new"}
    desk.ledger.call("finish_request", "authenticated", desk.user, **key, p_response={"trade": "t1"})
    answered = key | {"p_request_hash": "mended"}
    assert desk.ledger.call("abandon_request", "authenticated", desk.user, **answered) is False


@pytest.mark.parametrize("key", ["", "x" * 201, None])
def test_request_when_the_key_is_malformed_then_refused(desk: Desk, key: Any) -> None:
    with refused("BAD_IDEMPOTENCY_KEY", 422):
        _begin(desk, key)


def test_rate_when_many_ask_at_once_then_no_more_than_the_limit_pass(desk: Desk) -> None:
    bucket = f"user:{desk.user}:orders"
    asked = {"p_bucket": bucket, "p_limit": 10, "p_seconds": 3600.0}

    def ask(connection: Connection) -> int:
        return sum(calling("take_rate", "fn_api", **asked)(connection)["allowed"] for _ in range(5))

    assert sum(desk.ledger.at_once(*[ask] * CLIENTS)) == 10
    refusal = desk.ledger.call("take_rate", "fn_api", **asked)
    assert refusal["allowed"] is False
    assert refusal["remaining"] == 0
    assert 0 < refusal["retry_after"] <= 360


def test_rate_when_time_has_passed_then_it_is_refilled_up_to_the_limit(desk: Desk) -> None:
    asked = {"p_bucket": f"user:{desk.user}:reads", "p_limit": 2, "p_seconds": 10.0}
    for _ in range(3):
        desk.ledger.call("take_rate", "fn_api", **asked)
    desk.ledger.run(
        "update private.rate_limits set filled_at = filled_at - interval '1 hour' where bucket = %s", asked["p_bucket"]
    )
    taken = [desk.ledger.call("take_rate", "fn_api", **asked)["allowed"] for _ in range(3)]
    assert taken == [True, True, False]
