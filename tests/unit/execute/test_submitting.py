"""Sending: on record before and after, and whatever the broker answers has one meaning."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import (
    BadCredentials,
    BadResponse,
    NotConnected,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Unsupported,
)
from functions.core.errors import AgentTraderError, Mistake
from functions.core.ledger.errors import LedgerRefused, LedgerUnavailable
from functions.core.ledger.executing import ClaimedOrder
from functions.execute import submitting
from functions.execute.submitting import order_request
from tests.unit.core.doubles import NOW, Turns, World
from tests.unit.execute.desk_made import (
    ALICE,
    BOB,
    HandedAccounts,
    ScriptedBroker,
    account_row,
    at_broker,
    claimed,
    claimed_row,
    desk_of,
    trade,
    waiting,
)


def world_of(**answers: Any) -> World:
    return World({"record_submission": {"status": "submitted"}, "record_attempt": {"status": "unknown"}} | answers)


async def test_send_when_the_broker_takes_it_then_the_submission_is_on_record() -> None:
    world = world_of()
    broker = ScriptedBroker(world.journal, submit=at_broker())
    await desk_of(world, {ALICE: broker}).send(broker, claimed())
    assert world.said() == ["broker.submit", "record_submission"]
    assert world.asked("record_submission") == [
        {
            "p_trade_id": str(trade(1)),
            "p_attempt": 1,
            "p_broker_order_id": "b-at-1",
            "p_at": NOW.isoformat(),
            "p_adopted": False,
        }
    ]


@pytest.mark.parametrize(
    ("error", "outcome", "detail"),
    [
        (Rejected("40310000", "insufficient buying power", http_status=403), "rejected", "40310000: insufficient"),
        (Unsupported("UNSUPPORTED_ORDER_TYPE", "no iceberg order"), "rejected", "UNSUPPORTED_ORDER_TYPE"),
        (BadCredentials("BAD_KEYS", "enter them again"), "rejected", "BAD_KEYS"),
        (OutcomeUnknown("NO_ANSWER", "the order may be live"), "unknown", "NO_ANSWER"),
        (NotSent("RATE_LIMITED", "slow down", 7.0), "unknown", "RATE_LIMITED"),
        (NotConnected("ALPACA_UNAVAILABLE", "no answer"), "unknown", "ALPACA_UNAVAILABLE"),
        (BadResponse("status must be a text", {}), "unknown", "BAD_BROKER_ROW"),
        (AgentTraderError("NEW", "of a kind nobody knew"), "unknown", "NEW"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_send_when_the_broker_does_not_say_yes_then_the_attempt_ends_as_what_is_known(
    error: AgentTraderError, outcome: str, detail: str
) -> None:
    world = world_of()
    broker = ScriptedBroker(world.journal, submit=error)
    await desk_of(world, {ALICE: broker}).send(broker, claimed())
    (attempt,) = world.asked("record_attempt")
    assert (attempt["p_trade_id"], attempt["p_attempt"], attempt["p_outcome"]) == (str(trade(1)), 1, outcome)
    assert attempt["p_detail"].startswith(detail)
    assert attempt["p_at"] == NOW.isoformat()
    assert len(world.asked("broker.submit")) == 1
    assert world.asked("record_submission") == []


async def test_send_when_the_keys_are_refused_then_somebody_is_told_and_new_keys_are_read_next_time() -> None:
    world = world_of()
    broker = ScriptedBroker(world.journal, submit=BadCredentials("BAD_KEYS", "enter them again"))
    desk = desk_of(world, {ALICE: broker})
    await desk.send(broker, claimed())
    (alert,) = world.asked("raise_alert")
    assert (alert["p_code"], alert["p_severity"]) == ("BAD_KEYS", "critical")
    assert str(ALICE) in alert["p_name"]
    assert isinstance(desk.accounts, HandedAccounts)
    assert desk.accounts.forgotten == [ALICE]


async def test_send_when_it_is_a_bug_then_nothing_is_recorded_and_the_lease_decides() -> None:
    world = world_of()
    broker = ScriptedBroker(world.journal, submit=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await desk_of(world, {ALICE: broker}).send(broker, claimed())
    assert world.said() == ["broker.submit"]


async def test_send_when_the_ledger_is_gone_after_the_broker_took_it_then_it_is_not_sent_again() -> None:
    world = world_of(record_submission=LedgerUnavailable("LEDGER_UNAVAILABLE", "down"))
    broker = ScriptedBroker(world.journal, submit=at_broker())
    with pytest.raises(LedgerUnavailable):
        await desk_of(world, {ALICE: broker}).send(broker, claimed())
    assert len(world.asked("broker.submit")) == 1


async def test_submit_approved_when_several_wait_then_each_is_claimed_and_sent_before_the_next() -> None:
    world = world_of(approved_trades=[waiting(1), waiting(2)], claim_trade=Turns(claimed_row(1), claimed_row(2)))
    broker = ScriptedBroker(world.journal, submit=lambda order: at_broker(order.client_order_id))
    assert await desk_of(world, {ALICE: broker}).submit_approved(ALICE) == 2
    assert world.asked("approved_trades") == [{"p_account_id": str(ALICE)}]
    assert world.said()[1:] == ["claim_trade", "broker.submit", "record_submission"] * 2
    claim = world.asked("claim_trade")[0]
    assert (claim["p_now"], claim["p_lease_seconds"]) == (NOW.isoformat(), 30)
    assert claim["p_owner"]


async def test_submit_approved_when_the_claim_is_lost_or_too_late_then_nothing_is_sent() -> None:
    world = world_of(approved_trades=[waiting(1)], claim_trade={"claimed": False, "status": "expired"})
    broker = ScriptedBroker(world.journal, submit=at_broker())
    assert await desk_of(world, {ALICE: broker}).submit_approved(None) == 0
    assert world.asked("broker.submit") == []


async def test_submit_approved_when_the_ledger_refuses_one_then_the_others_are_sent_and_it_is_said() -> None:
    refusal = LedgerRefused("LIVE_NOT_CONFIRMED", "a rule that nobody thought of", 403)
    world = world_of(approved_trades=[waiting(1, BOB), waiting(2)], claim_trade=Turns(refusal, claimed_row(2)))
    broker = ScriptedBroker(world.journal, submit=at_broker("at-2"))
    with pytest.raises(LedgerRefused):
        await desk_of(world, {ALICE: broker, BOB: broker}).submit_approved(None)
    assert len(world.asked("broker.submit")) == len(world.asked("record_submission")) == 1


async def test_submit_approved_when_the_sender_was_held_up_after_its_claim_then_it_leaves_it_to_the_resolver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Machine:
        """The machine's clock; the claim takes longer than half of the lease."""

        seconds = 0.0

        def monotonic(self) -> float:
            return self.seconds

    machine = Machine()

    def claim(_given: dict[str, Any]) -> dict[str, Any]:
        machine.seconds += 16
        return claimed_row(1)

    world = world_of(approved_trades=[waiting(1)], claim_trade=claim)
    broker = ScriptedBroker(world.journal, submit=at_broker())
    monkeypatch.setattr(submitting, "time", machine)
    await desk_of(world, {ALICE: broker}).submit_approved(ALICE)
    assert world.said() == ["approved_trades", "claim_trade"]


async def test_submit_approved_when_one_account_has_no_keys_then_it_is_told_and_the_others_go_on() -> None:
    world = world_of(approved_trades=[waiting(1, BOB), waiting(2, ALICE)], claim_trade=claimed_row(2))
    broker = ScriptedBroker(world.journal, submit=at_broker("at-2"))
    assert await desk_of(world, {ALICE: broker}).submit_approved(None) == 1
    (alert,) = world.asked("raise_alert")
    assert alert["p_code"] == "NO_BROKER_KEYS"
    assert [claim["p_trade_id"] for claim in world.asked("claim_trade")] == [str(trade(2))]


async def test_submit_approved_when_one_brokers_keys_are_refused_then_the_others_go_on() -> None:
    world = world_of(
        approved_trades=[waiting(1, BOB), waiting(2, ALICE)],
        claim_trade=Turns(claimed_row(1, BOB), claimed_row(2)),
    )
    bobs = ScriptedBroker(world.journal, "bobs", submit=BadCredentials("BAD_KEYS", "enter them again"))
    alices = ScriptedBroker(world.journal, "alices", submit=at_broker("at-2"))
    assert await desk_of(world, {ALICE: alices, BOB: bobs}).submit_approved(None) == 2
    assert world.said("bobs", "alices", "record_") == [
        "bobs.submit",
        "record_attempt",
        "alices.submit",
        "record_submission",
    ]


def test_order_request_when_made_of_a_claim_then_every_number_is_exact() -> None:
    request = order_request(
        claimed(order_type="stop_limit", price="270.1", stop_price="271.05", trail_price="0.5", trail_percent="1.5")
    )
    assert (request.client_order_id, request.symbol, request.side) == ("at-1", "SPY", "buy")
    assert (request.quantity, request.notional) == (Decimal(10), None)
    assert (request.limit_price, request.stop_price) == (Decimal("270.1"), Decimal("271.05"))
    assert (request.trail_price, request.trail_percent) == (Decimal("0.5"), Decimal("1.5"))
    assert (request.order_type, request.time_in_force, request.position_intent) == ("stop_limit", "day", "buy_to_open")
    assert [order_request(claimed(extended_hours=wish)).extended_hours for wish in (False, True)] == [False, True]


def replacement_row(**more: Any) -> dict[str, Any]:
    """A claimed order that is to take the place of the broker's order b-old."""
    return claimed_row(1, replaces_trade_id=str(trade(9)), replaces_broker_order_id="b-old") | more


async def test_send_when_it_replaces_an_order_then_the_broker_is_asked_to_replace_and_never_for_a_new_order() -> None:
    world = world_of()
    broker = ScriptedBroker(world.journal, replace=at_broker())
    await desk_of(world, {ALICE: broker}).send(broker, ClaimedOrder.model_validate(replacement_row()))
    assert world.said() == ["broker.replace", "record_submission"]
    ((replaced, change),) = world.asked("broker.replace")
    assert (replaced, change.client_order_id, change.quantity) == ("b-old", "at-1", Decimal(10))
    assert (change.limit_price, change.time_in_force) == (Decimal("270.10"), "day")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Rejected("42210000", "order is already filled", http_status=422), "rejected"),
        (OutcomeUnknown("NO_ANSWER", "may be live"), "unknown"),
        (NotSent("RATE_LIMITED", "slow down", 7.0), "unknown"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_send_when_the_replacement_is_not_taken_then_the_attempt_ends_as_what_is_known(
    error: AgentTraderError, outcome: str
) -> None:
    world = world_of()
    broker = ScriptedBroker(world.journal, replace=error, submit=at_broker())
    await desk_of(world, {ALICE: broker}).send(broker, ClaimedOrder.model_validate(replacement_row()))
    assert [attempt["p_outcome"] for attempt in world.asked("record_attempt")] == [outcome]
    assert world.asked("broker.submit") == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (replacement_row(replaces_broker_order_id=None), "NOTHING_TO_REPLACE"),
        (replacement_row(quantity=None, notional="100"), "UNSUPPORTED_NOTIONAL"),
        (claimed_row(1, multi_leg=True), "UNSUPPORTED_LEGS"),
    ],
    ids=["no broker order", "notional", "several legs"],
)
async def test_send_when_it_cannot_be_said_in_one_order_then_nothing_is_sent(row: dict[str, Any], code: str) -> None:
    world = world_of()
    broker = ScriptedBroker(world.journal, submit=at_broker(), replace=at_broker())
    await desk_of(world, {ALICE: broker}).send(broker, ClaimedOrder.model_validate(row))
    (attempt,) = world.asked("record_attempt")
    assert attempt["p_outcome"] == "rejected"
    assert attempt["p_detail"].startswith(code)
    assert world.said("broker") == []


@pytest.mark.parametrize("step", ["claim_trade", "submit"])
async def test_submit_approved_when_one_account_meets_a_bug_then_it_is_told_and_the_others_are_sent(step: str) -> None:
    first = ZeroDivisionError() if step == "claim_trade" else claimed_row(1)
    world = world_of(
        approved_trades=[waiting(1), waiting(2, BOB)], claim_trade=Turns(first, claimed_row(2, BOB)), raise_alert=None
    )
    broken = ScriptedBroker(world.journal, submit=ZeroDivisionError())
    fine = ScriptedBroker(world.journal, submit=at_broker("at-2"))
    with pytest.raises(Mistake):
        await desk_of(world, {ALICE: broken, BOB: fine}).submit_approved(None)
    assert [said["p_trade_id"] for said in world.asked("record_submission")] == [str(trade(2))]
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == ["PLATFORM_ERROR"]


async def test_submit_approved_when_nobody_knows_the_account_and_its_check_meets_a_bug_then_the_others_are_sent() -> (
    None
):
    unverified = account_row(ALICE) | {"link_state": "unverified", "verify_due": True}
    world = world_of(
        approved_trades=[waiting(1), waiting(2, BOB)],
        trading_accounts=[unverified],
        claim_trade=claimed_row(2, BOB),
        raise_alert=None,
    )
    broken = ScriptedBroker(world.journal, rules=ZeroDivisionError())
    desk = desk_of(world, {ALICE: broken, BOB: ScriptedBroker(world.journal, submit=at_broker("at-2"))})
    with pytest.raises(Mistake):
        await desk.submit_approved(None)
    assert [said["p_trade_id"] for said in world.asked("record_submission")] == [str(trade(2))]
