"""The entry points of execute: what wakes them, and what they refuse."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.core.events import BarCompleted, BarData, dump
from functions.core.identity import named_uuid
from functions.execute import handlers
from tests.unit.core.doubles import NOW, World
from tests.unit.execute.desk_made import ALICE, ScriptedBroker, account_row, at_broker, claimed_row, desk_of, waiting


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(
        {
            "approved_trades": [waiting(1)],
            "claim_trade": claimed_row(1),
            "record_submission": {"status": "submitted"},
            "claim_unresolved": [],
            "cancel_orders_due": [],
            "exercises_due": [],
            "trading_accounts": [],
            "record_account_verification": {"recorded": True, "state": "verified"},
            "unrecorded_fills": [],
            "working_orders": [],
            "start_reconciliation": str(named_uuid("run")),
            "record_broker_positions": {"differences": [], "opened": 0, "closed": 0},
        }
    )
    broker = ScriptedBroker(found.journal, submit=at_broker())
    monkeypatch.setattr(handlers, "_desk", lambda: desk_of(found, {ALICE: broker}))
    return found


def pushed(event: dict[str, Any]) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


def change(kind: str) -> dict[str, Any]:
    return {
        "id": str(named_uuid("event")),
        "type": kind,
        "key": str(ALICE),
        "occurred_at": NOW.isoformat(),
        "data": {
            "trade_id": str(named_uuid("trade", 1)),
            "user_id": str(named_uuid("user")),
            "broker_account_id": str(ALICE),
            "symbol": "SPY",
            "status": "approved",
            "version": 1,
        },
    }


@pytest.mark.parametrize("kind", ["trade.approved", "trade.rejected"])
def test_submit_order_when_a_verdict_wakes_it_then_the_accounts_approved_trades_are_sent(
    kind: str, world: World
) -> None:
    handlers.submit_order(pushed(change(kind)))
    assert world.asked("approved_trades") == [{"p_account_id": str(ALICE)}]
    assert len(world.asked("broker.submit")) == 1


def test_submit_order_when_it_is_another_event_then_it_is_refused_and_nothing_is_asked(world: World) -> None:
    bar = BarData(
        symbol="SPY",
        timeframe="1Min",
        starts_at=NOW,
        ends_at=NOW + timedelta(minutes=1),
        open=Decimal(1),
        high=Decimal(1),
        low=Decimal(1),
        close=Decimal(1),
        volume=Decimal(1),
        feed="iex",
    )
    with pytest.raises(BadInput) as refused:
        handlers.submit_order(pushed(dump(BarCompleted.of(bar))))
    assert refused.value.code == "WRONG_EVENT"
    assert world.journal == []


def entered() -> dict[str, Any]:
    who = {"broker_account_id": str(ALICE), "user_id": str(named_uuid("user")), "entered_at": NOW.isoformat()}
    return change("account.credentials_entered") | {"data": who}


def test_verify_account_when_a_credential_was_entered_then_it_is_verified_and_what_waited_is_sent(
    world: World,
) -> None:
    world.ledger.answers["trading_accounts"] = [account_row(ALICE) | {"link_state": "unverified", "verify_due": True}]
    handlers.verify_account(pushed(entered()))
    (verdict,) = world.asked("record_account_verification")
    assert verdict["p_state"] == "verified"
    journal = world.said()
    assert journal.index("record_account_verification") < journal.index("broker.submit")


def test_verify_account_when_nothing_is_due_then_nothing_is_asked(world: World) -> None:
    handlers.verify_account(pushed(entered()))
    assert world.said() == ["trading_accounts"]


def test_verify_account_when_it_is_another_event_then_it_is_refused(world: World) -> None:
    with pytest.raises(BadInput) as refused:
        handlers.verify_account(pushed(change("trade.approved")))
    assert refused.value.code == "WRONG_EVENT"
    assert world.journal == []


def test_verify_missed_when_woken_then_every_account_that_is_due_is_verified(world: World) -> None:
    world.ledger.answers["trading_accounts"] = [account_row(ALICE) | {"link_state": "unverified", "verify_due": True}]
    handlers.verify_missed(None)
    assert len(world.asked("record_account_verification")) == 1


def test_exercise_options_when_one_was_requested_then_those_of_the_account_are_asked_for(world: World) -> None:
    data = {
        "exercise_id": str(named_uuid("exercise")),
        "user_id": str(named_uuid("user")),
        "broker_account_id": str(ALICE),
        "symbol": "SPY260116C00500000",
        "wish": "exercise",
        "status": "requested",
        "version": 1,
    }
    handlers.exercise_options(pushed(change("exercise.requested") | {"data": data}))
    assert world.asked("exercises_due") == [{"p_account_id": str(ALICE)}]


def test_exercise_options_when_it_is_another_event_then_it_is_refused(world: World) -> None:
    with pytest.raises(BadInput) as refused:
        handlers.exercise_options(pushed(entered()))
    assert refused.value.code == "WRONG_EVENT"


def test_control_order_when_woken_then_the_due_cancels_are_asked_for(world: World) -> None:
    handlers.control_order(pushed(change("trade.cancel_requested")))
    assert world.said() == ["cancel_orders_due"]


def test_control_order_when_the_message_cannot_be_read_then_it_is_refused(world: World) -> None:
    with pytest.raises(BadInput):
        handlers.control_order({"message": {"data": "!"}})
    assert world.journal == []


def test_sweep_orders_when_woken_then_it_sends_resolves_exercises_and_cancels(world: World) -> None:
    handlers.sweep_orders({"any": "thing"})
    assert world.said("approved", "broker", "claim_unresolved", "exercises", "cancel") == [
        "approved_trades",
        "broker.submit",
        "claim_unresolved",
        "exercises_due",
        "cancel_orders_due",
    ]


def test_sync_accounts_when_woken_then_every_account_is_compared(world: World) -> None:
    handlers.sync_accounts({"any": "thing"})
    assert world.said() == ["trading_accounts"]
