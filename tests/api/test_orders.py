"""Orders by the API: placed once, previewed, replaced as they were seen, cancelled one by one or all at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.conftest import Caller

SignUp = Callable[[str], Caller]


@pytest.fixture(scope="module")
def trader(sign_up: SignUp) -> Caller:
    """Somebody without any order yet."""
    return sign_up("orders")


def order(caller: Caller, **more: Any) -> dict[str, Any]:
    assert caller.desk is not None
    plain = {"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open", "quantity": "10"}
    if "legs" in more:
        plain = {"quantity": "1"}
    return {"broker_account_id": str(caller.desk.account)} | plain | more


def placed(caller: Caller, **more: Any) -> str:
    answer = caller.post("/orders", order(caller, **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def working(caller: Caller, **more: Any) -> str:
    """A limit order that works at the broker."""
    trade = placed(caller, order_type="limit", price="90", **more)
    assert caller.desk is not None
    assert caller.desk.approve(UUID(trade)) == "approved"
    assert caller.desk.claim(UUID(trade), datetime.now(UTC))["claimed"]
    caller.desk.submit(UUID(trade))
    return trade


def replaced(caller: Caller, trade: str, change: dict[str, Any], version: str = "*", key: str = "") -> httpx.Response:
    headers = {"If-Match": version, "Idempotency-Key": key or str(uuid4())}
    return caller.ask("PUT", f"/orders/{trade}", json=change, headers=headers)


# --- placing ----------------------------------------------------------------------------------------------------------


def test_order_when_sent_twice_with_one_key_then_it_is_one_order(trader: Caller) -> None:
    key = {"Idempotency-Key": "the-same-order"}
    answers = [trader.post("/orders", order(trader), headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    first, second = (answer.json() for answer in answers)
    assert first == second
    assert (first["status"], first["replaces_trade_id"]) == ("pending", None)
    another = trader.post("/orders", order(trader, time_in_force="gtc", order_type="limit", price="9"), headers=key)
    assert (another.status_code, another.json()["code"]) == (409, "SIGNAL_REUSED")


def test_order_when_the_key_is_missing_then_refused(trader: Caller) -> None:
    answer = trader.http.post("/orders", json=order(trader), headers={"Authorization": f"Bearer {trader.token}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_NEEDED")


@pytest.mark.parametrize(
    "more",
    [
        {"order_type": "limit", "price": "90.5", "time_in_force": "gtc"},
        {"order_type": "stop", "stop_price": "110"},
        {"order_type": "stop_limit", "stop_price": "110", "price": "111"},
        {"order_type": "trailing_stop", "trail_price": "2"},
        {"order_type": "trailing_stop", "trail_percent": "1.5"},
        {"order_type": "limit", "price": "90.5", "extended_hours": True},
        {"order_type": "limit", "price": "90", "time_in_force": "opg", "oco_group": str(uuid4()), "planned_stop": "80"},
        {
            "order_type": "limit",
            "price": "90",
            "exit_plan": {"stop_price": "80", "target_price": "120", "held": "broker"},
        },
    ],
    ids=["limit", "stop", "stop_limit", "trail_price", "trail_percent", "extended_hours", "oco", "exit_plan"],
)
def test_order_when_of_any_kind_then_read_back_as_it_was_said(trader: Caller, more: dict[str, Any]) -> None:
    trade = trader.get(f"/trades/{placed(trader, **more)}").json()
    for name, said in ({"quantity": "10", "time_in_force": "day"} | more).items():
        assert trade[name] == said or Decimal(trade[name]) == Decimal(said), name
    assert trade["source"] == "manual"


def test_order_when_in_notional_then_no_quantity(trader: Caller) -> None:
    asked = order(trader, notional="250.50")
    del asked["quantity"]
    trade = trader.get(f"/trades/{trader.post('/orders', asked).json()['id']}").json()
    assert (Decimal(trade["notional"]), trade["quantity"]) == (Decimal("250.50"), None)


def test_order_when_of_two_legs_then_both_are_on_record(trader: Caller) -> None:
    legs = [
        {"symbol": "SPY261218C00500000", "side": "buy", "position_intent": "buy_to_open"},
        {"symbol": "SPY261218C00510000", "side": "sell", "position_intent": "sell_to_open"},
    ]
    trade = trader.get(f"/trades/{placed(trader, legs=legs, order_type='limit', price='2.5')}").json()
    assert trade["multi_leg"]
    assert [leg["symbol"] for leg in trade["legs"]] == [leg["symbol"] for leg in legs]
    assert [row["id"] for row in trader.get("/trades", params={"symbol": legs[1]["symbol"]}).json()["data"]] == [
        trade["id"]
    ]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"quantity": 10}, "body.quantity"),
        ({"quantity": "-1"}, "body.quantity"),
        ({"quantity": "0"}, "body.quantity"),
        ({"side": "hold"}, "body.side"),
        ({"price": "1e5"}, "body.price"),
        ({"quantitty": "1"}, "body.quantitty"),
        ({"exit_plan": {"stop": "1"}}, "body.exit_plan.stop"),
        ({"legs": [{"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open"}]}, "body.legs"),
    ],
)
def test_order_when_malformed_then_422_names_the_field(trader: Caller, more: dict[str, Any], field: str) -> None:
    answer = trader.post("/orders", order(trader, **more))
    assert (answer.status_code, answer.json()["code"]) == (422, "MALFORMED")
    assert field in [problem["field"] for problem in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"symbol": "NOSUCH"}, 422, "UNKNOWN_SYMBOL"),
        ({"order_type": "limit"}, 422, "BAD_ORDER"),
        ({"notional": "5"}, 422, "BAD_ORDER"),
        ({"order_type": "limit", "price": "90.001"}, 422, "OFF_TICK"),
        ({"time_in_force": "gtc"}, 422, "BAD_TIME_IN_FORCE"),
        ({"reduce_only": True}, 422, "INTENT_CONTRADICTS"),
        ({"broker_account_id": str(uuid4())}, 404, "NO_SUCH_ACCOUNT"),
        ({"parent_trade_id": str(uuid4())}, 404, "NO_SUCH_PARENT"),
        ({"exit_plan": {"stop_price": "100", "target_price": "90"}}, 422, "BAD_EXIT_PLAN"),
    ],
)
def test_order_when_the_ledger_refuses_then_its_code_and_what_to_do(
    trader: Caller, more: dict[str, Any], status: int, code: str
) -> None:
    answer = trader.post("/orders", order(trader, **more))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["todo"]


def test_order_when_on_anothers_account_then_404(trader: Caller, stranger: Caller) -> None:
    assert stranger.desk is not None
    answer = trader.post("/orders", order(trader, broker_account_id=str(stranger.desk.account)))
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_ACCOUNT")


# --- previewing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/orders/preview", "/risk/preview"])
def test_preview_when_asked_then_answered_and_nothing_is_placed(trader: Caller, path: str) -> None:
    before = trader.get("/trades").json()
    answer = trader.post(path, order(trader, planned_stop="1"))
    assert answer.status_code == 200, answer.text
    preview = answer.json()
    assert preview["verdict"] == "deny"
    assert preview["quantity"] == "0"
    assert trader.get("/trades").json() == before


def test_preview_when_the_account_is_anothers_then_denied_at_placing(trader: Caller, stranger: Caller) -> None:
    assert stranger.desk is not None
    preview = trader.post("/orders/preview", order(trader, broker_account_id=str(stranger.desk.account))).json()
    assert (preview["verdict"], preview["step"], preview["code"]) == ("deny", "placing", "NO_SUCH_ACCOUNT")


# --- replacing --------------------------------------------------------------------------------------------------------


def test_replace_when_seen_as_it_is_then_a_new_order_takes_its_place_and_a_repeat_is_the_same(sign_up: SignUp) -> None:
    trader = sign_up("replaces")
    old = working(trader)
    seen = trader.get(f"/trades/{old}").headers["ETag"]
    answers = [replaced(trader, old, {"price": "91"}, seen, "to-91") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    first, second = (answer.json() for answer in answers)
    assert first == second
    assert first["replaces_trade_id"] == old
    assert trader.get(f"/trades/{first['id']}").json()["price"] == "91"
    again = replaced(trader, old, {"price": "92"})
    assert (again.status_code, again.json()["code"]) == (409, "REPLACE_IN_PROGRESS")


def test_replace_when_it_changed_meanwhile_then_412_and_nothing_is_placed(sign_up: SignUp) -> None:
    trader = sign_up("replaces-late")
    old = working(trader)
    answer = replaced(trader, old, {"price": "91"}, '"1"')
    assert (answer.status_code, answer.json()["code"]) == (412, "CHANGED_MEANWHILE")
    assert [row["id"] for row in trader.get("/trades").json()["data"]] == [old]


def test_replace_when_the_order_is_not_working_then_409(trader: Caller) -> None:
    answer = replaced(trader, placed(trader), {"quantity": "5"})
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_REPLACEABLE")


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_cancel_when_nothing_was_sent_then_canceled_and_again_the_same(trader: Caller) -> None:
    trade = placed(trader)
    answers = [trader.delete(f"/orders/{trade}") for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "canceled")] * 2


@pytest.mark.parametrize("act", ["replace", "cancel"])
def test_order_when_anothers_then_404_and_it_stays(trader: Caller, stranger: Caller, act: str) -> None:
    trade = placed(trader)
    asked = replaced(stranger, trade, {"price": "1"}) if act == "replace" else stranger.delete(f"/orders/{trade}")
    assert (asked.status_code, asked.json()["code"]) == (404, "NO_SUCH_TRADE")
    assert trader.get(f"/trades/{trade}").json()["status"] == "pending"


def test_cancel_all_when_some_work_and_some_wait_then_each_as_it_can_and_nobody_elses(sign_up: SignUp) -> None:
    trader, other = sign_up("cancels-all"), sign_up("cancels-nothing")
    sent, waiting, others = working(trader), placed(trader, symbol="IWM"), placed(other)
    of_symbol = trader.delete("/orders", params={"symbol": "IWM"})
    assert [(row["id"], row["status"]) for row in of_symbol.json()["data"]] == [(waiting, "canceled")]
    everything = trader.delete("/orders")
    assert [(row["id"], row["status"]) for row in everything.json()["data"]] == [(sent, "cancel_pending")]
    assert other.get(f"/trades/{others}").json()["status"] == "pending"
    assert other.desk is not None
    refused = trader.delete("/orders", params={"broker_account_id": str(other.desk.account)})
    assert (refused.status_code, refused.json()["code"]) == (404, "NO_SUCH_ACCOUNT")


# --- programs ---------------------------------------------------------------------------------------------------------


def test_order_when_the_key_only_reads_then_403_and_with_trade_it_is_placed(
    trader: Caller, key_of: Callable[..., Caller]
) -> None:
    refused = key_of(trader, "read").post("/orders", order(trader))
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_NEEDED")
    assert key_of(trader, "trade").post("/orders", order(trader)).status_code == 201
