"""Flattening from the function's side: every account has its turn, and what woke it is looked at."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerUnavailable
from functions.risk import handlers
from functions.risk.halting import Flattener
from tests.unit.core.doubles import NOW, Turns, World

HERE, THERE = (str(named_uuid("account", number)) for number in (1, 2))
TRADE = str(named_uuid("trade", 1))


def _round(*placed: str, canceled: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"placed": list(placed), "canceled": list(canceled)}


def _halt(kind: str = "halt.engaged") -> dict[str, Any]:
    event = {
        "id": str(named_uuid("event")),
        "type": kind,
        "key": "global",
        "occurred_at": NOW.isoformat(),
        "data": {
            "gate_key": "global",
            "scope": "global",
            "mode": "flatten",
            "reason": "a test",
            "by_whom": "fn_risk",
            "version": 2,
        },
    }
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


def test_flattener_when_accounts_are_due_then_each_has_one_round_at_the_clocks_time() -> None:
    world = World({"halts_to_continue": [HERE, THERE], "continue_halt": Turns(_round(TRADE), _round())})
    assert Flattener(world.ports).continue_halts() == 1
    assert world.asked("continue_halt") == [
        {"p_account_id": account, "p_now": NOW.isoformat()} for account in (HERE, THERE)
    ]


def test_flattener_when_one_account_fails_then_the_others_go_on_and_the_failure_is_raised() -> None:
    down = LedgerUnavailable("LEDGER_UNAVAILABLE", "a test")
    world = World({"halts_to_continue": [HERE, THERE], "continue_halt": Turns(down, _round(TRADE))})
    with pytest.raises(LedgerUnavailable):
        Flattener(world.ports).continue_halts()
    assert len(world.asked("continue_halt")) == 2


@pytest.mark.parametrize("message", [_halt(), None])
def test_handlers_when_a_halt_or_the_schedule_wakes_them_then_the_halts_go_on(
    message: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World({"halts_to_continue": [HERE], "continue_halt": _round(canceled=(TRADE,))})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    if message:
        handlers.flatten_halted(message)
    else:
        handlers.sweep_halts({})
    assert len(world.asked("continue_halt")) == 1


def _deactivation() -> dict[str, Any]:
    data = {"strategy_id": str(named_uuid("s")), "user_id": str(named_uuid("u")), "status": "inactive", "version": 4}
    event = {"id": str(named_uuid("event")), "type": "strategy.deactivated", "key": data["strategy_id"]}
    event |= {"occurred_at": NOW.isoformat(), "data": data | {"then": "flatten"}}
    return {"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}}


def test_flatten_deactivated_when_a_strategy_is_stopped_then_one_round_and_another_event_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World({"halts_to_continue": [HERE], "continue_halt": _round(TRADE)})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    handlers.flatten_deactivated(_deactivation())
    assert len(world.asked("continue_halt")) == 1
    with pytest.raises(BadInput, match="WRONG_EVENT"):
        handlers.flatten_deactivated(_halt())


def test_flatten_halted_when_it_is_another_event_then_refused() -> None:
    event = json.loads(base64.b64decode(_halt()["message"]["data"]))
    event["type"] = "alert.raised"
    event["data"] = {"alert_id": str(named_uuid("alert")), "code": "A_TEST", "text": "a test"}
    with pytest.raises(BadInput, match="WRONG_EVENT"):
        handlers.flatten_halted({"message": {"data": base64.b64encode(json.dumps(event).encode()).decode()}})
