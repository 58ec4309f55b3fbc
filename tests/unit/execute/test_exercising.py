"""Options on request: the broker is asked after the ledger gave leave, and what it said, or did not, is recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import BadCredentials, NotConnected, NotSent, OutcomeUnknown, Rejected, Unsupported
from functions.brokers.holdings import BrokerPosition
from functions.core.identity import named_uuid
from functions.execute.exercising import exercise_due
from tests.unit.core.doubles import World
from tests.unit.execute.desk_made import ALICE, BOB, HandedAccounts, ScriptedBroker, desk_of

CALL = "SPY260116C00500000"


def due(number: int = 1, account: Any = ALICE, **more: Any) -> dict[str, Any]:
    return {
        "exercise_id": str(named_uuid("exercise", number)),
        "broker_account_id": str(account),
        "symbol": CALL,
        "wish": "exercise",
        "to_look": False,
    } | more


def world_of(*wishes: dict[str, Any], **answers: Any) -> World:
    claimed = {"claimed": True, "status": "sending", "attempt": 3}
    return World(
        {
            "exercises_due": list(wishes),
            "claim_exercise": claimed,
            "record_exercise": "accepted",
            "record_exercise_look": "unknown",
        }
        | answers
    )


@pytest.mark.parametrize("wish", ["exercise", "do_not_exercise"])
async def test_exercise_when_due_then_claimed_asked_and_recorded_in_this_order(wish: str) -> None:
    world = world_of(due(wish=wish))
    broker = ScriptedBroker(world.journal, exercise=None, do_not_exercise=None)
    assert await exercise_due(desk_of(world, {ALICE: broker}), ALICE) == 1
    assert world.said() == ["exercises_due", "claim_exercise", f"broker.{wish}", "record_exercise"]
    assert world.asked(f"broker.{wish}") == [CALL]
    (said,) = world.asked("record_exercise")
    assert (said["p_attempt"], said["p_outcome"]) == (3, "accepted")


async def test_exercise_when_not_claimed_then_the_broker_is_not_asked() -> None:
    world = world_of(due(), claim_exercise={"claimed": False, "status": "rejected", "attempt": 0})
    await exercise_due(desk_of(world, {ALICE: ScriptedBroker(world.journal, exercise=None)}))
    assert world.said() == ["exercises_due", "claim_exercise"]


@pytest.mark.parametrize(
    ("error", "outcome", "told"),
    [
        (OutcomeUnknown("NO_ANSWER", "may be done"), "unknown", False),
        (NotSent("RATE_LIMITED", "slow down"), "not_sent", False),
        (NotConnected("NO_CONNECTION", "nobody there"), "not_sent", False),
        (BadCredentials("BAD_KEYS", "enter them again"), "not_sent", True),
        (Rejected("40310000", "not between the close and midnight", http_status=403), "rejected", False),
        (Unsupported("UNSUPPORTED_EXERCISE", "call the desk"), "rejected", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_exercise_when_the_broker_fails_then_what_that_means_is_recorded(
    error: Exception, outcome: str, told: bool
) -> None:
    world = world_of(due())
    await exercise_due(desk_of(world, {ALICE: ScriptedBroker(world.journal, exercise=error)}))
    (said,) = world.asked("record_exercise")
    assert said["p_outcome"] == outcome
    assert str(error.args[0] if error.args else error).split(":")[0] in said["p_detail"]
    assert bool(world.asked("raise_alert")) is told


async def test_exercise_when_the_outcome_is_unknown_then_the_broker_is_looked_at_and_nothing_is_sent() -> None:
    world = world_of(due(to_look=True))
    held = [
        BrokerPosition(symbol="SPY", quantity=Decimal(100), average_entry_price=Decimal(1)),
        BrokerPosition(symbol=CALL, quantity=Decimal(2), average_entry_price=Decimal(1)),
    ]
    await exercise_due(desk_of(world, {ALICE: ScriptedBroker(world.journal, positions=held)}))
    assert world.said() == ["exercises_due", "broker.positions", "record_exercise_look"]
    assert world.asked("record_exercise_look")[0]["p_held"] == "2"


async def test_exercise_when_the_broker_cannot_be_looked_at_then_nothing_is_assumed() -> None:
    world = world_of(due(to_look=True))
    broker = ScriptedBroker(world.journal, positions=NotConnected("NO_CONNECTION", "nobody there"))
    await exercise_due(desk_of(world, {ALICE: broker}))
    assert world.asked("record_exercise_look") == []


async def test_exercise_when_one_account_meets_a_mistake_then_the_others_are_asked_for() -> None:
    world = world_of(due(1, BOB), due(2, ALICE))
    bobs, alices = (
        ScriptedBroker(world.journal, "bobs", exercise=ZeroDivisionError("a bug")),
        ScriptedBroker(world.journal, "alices", exercise=None),
    )
    desk = desk_of(world, {ALICE: alices, BOB: bobs})
    assert isinstance(desk.accounts, HandedAccounts)
    assert await exercise_due(desk) == 2
    assert world.asked("alices.exercise") == [CALL]
    # Bob's is left to its lease: then his broker is looked at.
    assert len(world.asked("record_exercise")) == 1
