"""Positions by the API: seen, and closed by orders that only reduce."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.conftest import Caller
from tests.api.test_trades import plain

SignUp = Callable[[str], Caller]


@pytest.fixture(scope="module")
def holder(sign_up: SignUp) -> Caller:
    """Somebody whose strategy holds 100 SPY, and who holds 3 IWM by hand."""
    holder = sign_up("holder")
    assert holder.desk is not None
    holder.desk.hold("100")
    holder.desk.activity("transfer_in", "by hand", symbol="IWM", quantity="3", price="50")
    return holder


def closed(caller: Caller, symbol: str, key: str = "", **said: Any) -> httpx.Response:
    assert caller.desk is not None
    headers = {"Idempotency-Key": key or str(uuid4())}
    return caller.post(
        f"/positions/{symbol}/close", {"broker_account_id": str(caller.desk.account)} | said, headers=headers
    )


def test_positions_when_listed_then_what_has_no_mark_has_no_value(holder: Caller) -> None:
    assert holder.desk is not None
    answer = holder.get("/positions", params={"broker_account_id": str(holder.desk.account)})
    assert [(row["symbol"], plain(row["quantity"])) for row in answer.json()["data"]] == [("IWM", "3"), ("SPY", "100")]
    (iwm,) = holder.get("/positions/IWM").json()["data"]
    assert plain(iwm["average_entry_price"]) == "50"
    if iwm["mark"] is None:
        assert (iwm["market_value"], iwm["unrealised_pnl"]) == (None, None)


def test_positions_when_nothing_is_held_then_left_out_unless_asked_for(sign_up: SignUp) -> None:
    former = sign_up("former")
    assert former.desk is not None
    former.desk.hold("5")
    former.desk.activity("transfer_out", "gone", symbol="SPY", quantity="-5")
    assert former.get("/positions").json()["data"] == []
    assert [row["symbol"] for row in former.get("/positions", params={"closed": "true"}).json()["data"]] == ["SPY"]
    assert former.get("/positions", params={"closed": "maybe"}).status_code == 422


def test_position_when_anothers_then_404(stranger: Caller, holder: Caller) -> None:
    assert holder.desk is not None
    account = str(holder.desk.account)
    assert stranger.get("/positions", params={"broker_account_id": account}).json()["data"] == []
    answer = stranger.get("/positions/SPY", params={"broker_account_id": account})
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_POSITION")
    refused = stranger.post("/positions/SPY/close", {"broker_account_id": account})
    assert (refused.status_code, refused.json()["code"]) == (404, "NO_SUCH_ACCOUNT")


def test_close_when_asked_twice_with_one_key_then_one_order_that_only_reduces_all_of_it(sign_up: SignUp) -> None:
    trader = sign_up("closes")
    assert trader.desk is not None
    trader.desk.activity("transfer_in", "by hand", symbol="SPY", quantity="7", price="50")
    answers = [closed(trader, "SPY", "close-it") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert answers[0].json() == answers[1].json()
    trade = trader.get(f"/trades/{answers[0].json()['id']}").json()
    said = [trade[name] for name in ("side", "order_type", "reduce_only", "source")]
    assert (said, plain(trade["quantity"])) == (["sell", "market", True, "manual"], "7")
    again = closed(trader, "SPY")
    assert (again.status_code, again.json()["code"]) == (409, "CLOSING_ALREADY")
    other = closed(trader, "SPY", "close-it", price="60")
    assert (other.status_code, other.json()["code"]) == (409, "SIGNAL_REUSED")


def test_close_when_in_part_with_a_price_then_a_limit_order_also_while_halted(holder: Caller) -> None:
    assert holder.desk is not None
    holder.desk.close("account")
    try:
        answer = closed(holder, "IWM", quantity="1", price="55.5")
    finally:
        holder.desk.lift("account")
    assert answer.status_code == 201, answer.text
    trade = holder.get(f"/trades/{answer.json()['id']}").json()
    assert (trade["order_type"], plain(trade["price"]), plain(trade["quantity"])) == ("limit", "55.5", "1")


def test_close_when_a_strategy_holds_it_then_the_strategy_is_named_and_its_position_is_closed(holder: Caller) -> None:
    assert holder.desk is not None
    refused = closed(holder, "SPY")
    assert (refused.status_code, refused.json()["code"]) == (404, "NO_SUCH_POSITION")
    assert "name the strategy" in refused.json()["todo"]
    answer = closed(holder, "SPY", strategy_id=str(holder.desk.strategy), quantity="40")
    assert answer.status_code == 201, answer.text
    trade = UUID(answer.json()["id"])
    assert holder.desk.approve(trade) == "approved"
    assert holder.get(f"/trades/{trade}").json()["strategy_id"] == str(holder.desk.strategy)


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"quantity": "4"}, 422, "MORE_THAN_HELD"),
        ({"quantity": "1.5"}, 422, "OFF_LOT"),
        ({"strategy_id": str(uuid4())}, 404, "NO_SUCH_STRATEGY"),
        ({"broker_account_id": str(uuid4())}, 404, "NO_SUCH_ACCOUNT"),
        ({"side": "buy"}, 422, "MALFORMED"),
    ],
)
def test_close_when_it_cannot_be_then_refused_with_a_reason(
    holder: Caller, said: dict[str, Any], status: int, code: str
) -> None:
    answer = closed(holder, "IWM", **said)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


# --- exercising -------------------------------------------------------------------------------------------------------

CALL = "SPY271217C00300000"


def exercised(caller: Caller, key: str = "", **said: Any) -> httpx.Response:
    assert caller.desk is not None
    headers = {"Idempotency-Key": key or str(uuid4())}
    return caller.post(
        f"/positions/{CALL}/exercise", {"broker_account_id": str(caller.desk.account)} | said, headers=headers
    )


@pytest.fixture(scope="module")
def long_call(sign_up: SignUp) -> Caller:
    """Somebody who holds two calls."""
    holder = sign_up("long-call")
    assert holder.desk is not None
    holder.desk.activity("transfer_in", "two calls", symbol=CALL, quantity="2", price="5")
    return holder


def test_exercise_when_asked_twice_with_one_key_then_one_request_that_can_be_followed(long_call: Caller) -> None:
    answers = [exercised(long_call, "exercise-it", quantity="2") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    first, second = (answer.json() for answer in answers)
    assert first == second
    assert (first["status"], first["wish"], plain(first["quantity"])) == ("requested", "exercise", "2")
    assert long_call.get(f"/exercises/{first['id']}").json() == first
    assert long_call.get("/exercises", params={"symbol": CALL}).json()["data"] == [first]
    another = exercised(long_call, "exercise-it", do_not_exercise=True)
    assert (another.status_code, another.json()["code"]) == (409, "SIGNAL_REUSED")
    beside = exercised(long_call)
    assert (beside.status_code, beside.json()["code"]) == (409, "EXERCISE_IN_PROGRESS")


def test_exercise_when_anothers_then_404(long_call: Caller, stranger: Caller) -> None:
    assert long_call.desk is not None
    for answer in (
        exercised(stranger, broker_account_id=str(long_call.desk.account)),
        stranger.get(f"/exercises/{long_call.get('/exercises').json()['data'][0]['id']}"),
    ):
        assert answer.status_code == 404
    assert stranger.get("/exercises", params={"broker_account_id": str(long_call.desk.account)}).json()["data"] == []
