"""Limits are set, read, followed and removed by whom they bind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from local.stack import Stack
from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, new_administrator


def limit_of(person: Caller, **more: Any) -> dict[str, Any]:
    assert person.desk is not None
    said = {"scope": "account", "scope_id": str(person.desk.account), "name": "position_limit", "value": "750"}
    return said | {"unit": "shares or contracts"} | more


def test_limit_when_set_read_changed_and_removed_then_its_history_says_so(owner: Caller) -> None:
    made = owner.put("/risk/limits", limit_of(owner, symbol="IWM", value="0.0000000001"))
    assert (made.status_code, made.json()["value"], made.headers["ETag"]) == (200, "0.0000000001", '"1"')
    path = f"/risk/limits/{made.json()['id']}"
    assert owner.put("/risk/limits", limit_of(owner, symbol="IWM", value="20")).json()["version"] == 2
    assert owner.get(path).json()["value"] == "20"
    assert owner.delete(path).status_code == 204
    assert owner.delete(path).status_code == 204
    assert owner.get(path).json()["value"] is None
    listed = owner.get("/risk/limits", params={"symbol": "IWM", "name": "position_limit"}).json()["data"]
    assert listed == []
    removed = owner.get("/risk/limits", params={"symbol": "IWM", "removed": "true"}).json()["data"]
    assert [limit["id"] for limit in removed] == [made.json()["id"]]
    changes = owner.get(f"{path}/history").json()["data"]
    assert [(change["version"], change["value_before"], change["value"]) for change in changes] == [
        (3, "20", None),
        (2, "0.0000000001", "20"),
        (1, None, "0.0000000001"),
    ]


def test_limit_when_it_is_of_the_user_then_the_caller_is_meant(owner: Caller) -> None:
    said = {"scope": "user", "name": "max_daily_loss", "value": "1000", "unit": "dollars", "act": "flatten"}
    made = owner.put("/risk/limits", said)
    assert (made.status_code, made.json()["act"], made.json()["scope"]) == (200, "flatten", "user")
    assert owner.delete(f"/risk/limits/{made.json()['id']}").status_code == 204


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"name": "no_such_limit"}, 422, "UNKNOWN_LIMIT"),
        ({"unit": "dollars"}, 422, "UNKNOWN_LIMIT"),
        ({"value": "-1"}, 422, "BAD_LIMIT"),
        ({"act": "flatten"}, 422, "BAD_LIMIT_ACT"),
        ({"parameters": {"strange": "1"}}, 422, "BAD_LIMIT_PARAMETER"),
        ({"symbol": "NOSUCH"}, 422, "UNKNOWN_SYMBOL"),
        ({"scope": "global", "scope_id": None}, 404, "NO_SUCH_SCOPE"),
    ],
)
def test_limit_when_the_ledger_refuses_it_then_its_code(
    owner: Caller, more: dict[str, Any], status: int, code: str
) -> None:
    answer = owner.put("/risk/limits", limit_of(owner, **more))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_limit_when_the_value_is_a_number_then_422_names_the_field(owner: Caller) -> None:
    answer = owner.put("/risk/limits", limit_of(owner, value=750))
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["body.value"])


def test_limit_when_it_is_anothers_then_404(owner: Caller, stranger: Caller, ledger: Ledger) -> None:
    theirs = ledger.one("select id from public.risk_limits where user_id = %s limit 1", owner.id)
    for answer in (
        stranger.get(f"/risk/limits/{theirs}"),
        stranger.get(f"/risk/limits/{theirs}/history"),
        stranger.delete(f"/risk/limits/{theirs}"),
        stranger.put("/risk/limits", limit_of(owner)),
    ):
        assert answer.status_code == 404, answer.text


def test_limit_when_a_key_lacks_the_scope_then_403(owner: Caller, key_of: Callable[..., Caller]) -> None:
    assert key_of(owner, "read", "trade").put("/risk/limits", limit_of(owner)).status_code == 403
    assert key_of(owner, "risk").put("/risk/limits", limit_of(owner)).status_code == 403  # What is set is read, too.
    assert key_of(owner, "risk", "read").put("/risk/limits", limit_of(owner)).status_code == 200


def test_limit_kinds_when_read_then_all_of_them(owner: Caller, ledger: Ledger) -> None:
    kinds = owner.get("/risk/limit-kinds").json()["data"]
    assert len(kinds) == ledger.one("select count(*) from public.risk_limit_kinds")
    assert {"name", "unit", "default_value", "tighter"} <= kinds[0].keys()


def test_limit_when_an_administrator_sets_it_on_a_trader_then_it_is_set_and_nothing_of_it_told(
    sign_up: Callable[[str], Caller], stack: Stack, ledger: Ledger
) -> None:
    trader = sign_up("limited")
    claims = {"sub": str(new_administrator(ledger)), "role": "authenticated", "exp": int(time.time()) + 600}
    token = jwt.encode(claims | SECOND_FACTOR | CLAIM, stack.secrets.jwt_secret, algorithm="HS256")
    administrator = Caller(trader.http, token)
    assert administrator.put("/risk/limits", limit_of(trader)).status_code == 204
    assert trader.desk is not None
    engaged = administrator.post("/risk/halts", {"gate_key": trader.desk.gate("account"), "reason": "odd orders"})
    assert (engaged.status_code, engaged.json()["needs_administrator"]) == (200, True)
    refused = trader.put("/risk/limits", limit_of(trader, value="1000"))
    assert (refused.status_code, refused.json()["code"]) == (403, "ADMINISTRATOR_NEEDED")
