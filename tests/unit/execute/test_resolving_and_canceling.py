"""What is unknown is asked for before anything is sent; what is to be canceled is asked for until it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
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
)
from functions.core.errors import Mistake
from functions.core.ledger.errors import LedgerUnavailable
from functions.execute.canceling import cancel_due
from functions.execute.resolving import resolve_unknown
from tests.unit.core.doubles import NOW, World
from tests.unit.execute.desk_made import (
    ALICE,
    BOB,
    HandedAccounts,
    ScriptedBroker,
    at_broker,
    claimed_row,
    desk_of,
    trade,
)


def resend(**order: Any) -> dict[str, Any]:
    """The ledger believes that the order is not there: it goes out in a new attempt."""
    claimed = claimed_row(1, attempt=3, **order)
    return {"send": True, "refusal": None, "look_again": False, "order": claimed}


def refused(refusal: str) -> dict[str, Any]:
    return {"send": False, "refusal": refusal, "look_again": False}


def world_of(*unresolved: dict[str, Any], **answers: Any) -> World:
    return World(
        {
            "claim_unresolved": list(unresolved),
            "claim_resend": resend(),
            "record_submission": {"status": "submitted"},
            "record_attempt": {"status": "expired"},
        }
        | answers
    )


async def test_resolve_when_the_broker_has_the_order_then_it_is_adopted_and_never_sent() -> None:
    world = world_of(claimed_row(1, attempt=2))
    broker = ScriptedBroker(world.journal, find_order=at_broker(state="filled"), submit=at_broker())
    assert await resolve_unknown(desk_of(world, {ALICE: broker})) == 1
    assert world.said("broker") == ["broker.find_order"]
    (submission,) = world.asked("record_submission")
    assert (submission["p_attempt"], submission["p_adopted"]) == (2, True)


async def test_resolve_when_it_has_none_and_there_is_time_then_the_same_order_is_sent_under_the_same_id() -> None:
    world = world_of(claimed_row(1, attempt=2))
    broker = ScriptedBroker(world.journal, submit=at_broker())
    assert await resolve_unknown(desk_of(world, {ALICE: broker})) == 1
    assert world.said("broker") == ["broker.find_order", "broker.submit"]
    assert world.asked("broker.find_order") == ["at-1"]
    assert world.asked("broker.submit")[0].client_order_id == "at-1"
    assert world.asked("record_submission")[0]["p_adopted"] is False


@pytest.mark.parametrize("refusal", ["TOO_LATE: good_until=14:30 now=14:31", "GATE_CLOSED: gate=global"])
async def test_resolve_when_it_has_none_and_the_ledger_refuses_a_second_sending_then_it_is_not_placed(
    refusal: str,
) -> None:
    world = world_of(claimed_row(1, attempt=2), claim_resend=refused(refusal))
    broker = ScriptedBroker(world.journal, submit=at_broker())
    await resolve_unknown(desk_of(world, {ALICE: broker}))
    assert world.asked("broker.submit") == []
    assert [(each["p_outcome"], each["p_detail"]) for each in world.asked("record_attempt")] == [
        ("not_placed", refusal)
    ]


async def test_send_when_the_order_is_too_late_by_then_then_nothing_is_sent() -> None:
    late = resend(good_until=NOW.isoformat())
    world = world_of(claimed_row(1, attempt=2), claim_resend=late)
    world.clock.at = NOW + timedelta(microseconds=1)
    broker = ScriptedBroker(world.journal, submit=at_broker())
    await resolve_unknown(desk_of(world, {ALICE: broker}))
    assert world.asked("broker.submit") == []
    assert [each["p_outcome"] for each in world.asked("record_attempt")] == ["not_placed"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotConnected("ALPACA_UNAVAILABLE", "down"), False),
        (Rejected("40010000", "malformed", http_status=400), True),
        (BadCredentials("BAD_KEYS", "enter them again"), True),
        (BadResponse("unknown order status 'teleported'", {}), True),
        (ZeroDivisionError("a bug"), True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_resolve_when_the_broker_cannot_be_asked_then_it_stays_unknown_and_the_next_is_resolved(
    error: Exception, told: bool
) -> None:
    world = world_of(claimed_row(1, BOB), claimed_row(2, ALICE))
    bobs = ScriptedBroker(world.journal, "bobs", find_order=error, submit=at_broker())
    alices = ScriptedBroker(world.journal, "alices", find_order=at_broker("at-2"))
    assert await resolve_unknown(desk_of(world, {ALICE: alices, BOB: bobs})) == 2
    assert world.asked("bobs.submit") == []
    assert [each["p_trade_id"] for each in world.asked("record_submission")] == [str(trade(2))]
    # In vain, so the next look is due by the ledger's clock.
    assert [(each["p_trade_id"], each["p_outcome"]) for each in world.asked("record_attempt")] == [
        (str(trade(1)), "unknown")
    ]
    assert len(world.asked("raise_alert")) == told


async def test_resolve_when_one_order_meets_a_bug_on_being_sent_again_then_it_is_told_and_the_next_is_found() -> None:
    again = {"send": True, "refusal": None, "look_again": False, "order": claimed_row(1, BOB, attempt=3)}
    world = world_of(claimed_row(1, BOB, attempt=2), claimed_row(2, ALICE), claim_resend=again)
    bobs = ScriptedBroker(world.journal, "bobs", submit=ZeroDivisionError("a bug"))
    alices = ScriptedBroker(world.journal, "alices", find_order=at_broker("at-2"))
    with pytest.raises(Mistake):
        await resolve_unknown(desk_of(world, {ALICE: alices, BOB: bobs}))
    assert [each["p_trade_id"] for each in world.asked("record_submission")] == [str(trade(2))]
    # Its attempt has no answer: nobody assumes that nothing was sent.
    assert world.asked("record_attempt") == []


async def test_resolve_when_the_account_has_no_keys_then_it_is_told_and_the_next_is_resolved() -> None:
    world = world_of(claimed_row(1, BOB), claimed_row(2, ALICE))
    broker = ScriptedBroker(world.journal, find_order=at_broker("at-2"))
    await resolve_unknown(desk_of(world, {ALICE: broker}))
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == ["NO_BROKER_KEYS"]
    assert len(world.asked("record_submission")) == 1


async def test_resolve_when_the_ledger_goes_then_it_is_said_so_that_the_sweep_is_woken_again() -> None:
    world = world_of(claimed_row(1), record_submission=LedgerUnavailable("LEDGER_UNAVAILABLE", "down"))
    broker = ScriptedBroker(world.journal, find_order=at_broker())
    with pytest.raises(LedgerUnavailable):
        await resolve_unknown(desk_of(world, {ALICE: broker}))


async def test_resolve_when_nothing_is_unknown_then_no_broker_is_asked() -> None:
    world = world_of()
    assert await resolve_unknown(desk_of(world, {})) == 0
    assert world.said() == ["claim_unresolved"]


async def test_resolve_when_it_is_not_seen_and_doubted_then_nothing_is_sent_or_said() -> None:
    doubted = {"send": False, "refusal": None, "look_again": True}
    world = world_of(claimed_row(1, attempt=2), claim_resend=doubted)
    broker = ScriptedBroker(world.journal, submit=at_broker())
    assert await resolve_unknown(desk_of(world, {ALICE: broker})) == 1
    assert (world.said("broker"), world.said("record_")) == (["broker.find_order"], [])
    (asked,) = world.asked("claim_resend")
    assert (asked["p_settle_seconds"], asked["p_patience_seconds"], asked["p_gap_seconds"]) == (0, 30, 0)


class Doubling(ScriptedBroker):
    """It takes a client order id as often as it is sent."""

    capabilities = replace(ScriptedBroker.capabilities, deduplicates=False, fills_named_by="execution_id")


async def test_resolve_when_an_id_is_taken_twice_and_none_is_seen_then_clean_reads_are_asked_for() -> None:
    world = world_of(claimed_row(1, attempt=5, sent_as=["at-1", "at-1-2"]))
    broker = Doubling(world.journal, find_orders=[], submit=at_broker("at-1-3"))
    await resolve_unknown(desk_of(world, {ALICE: broker}))
    assert world.asked("broker.find_orders") == ["at-1", "at-1-2"]
    (asked,) = world.asked("claim_resend")
    assert (asked["p_settle_seconds"], asked["p_patience_seconds"], asked["p_gap_seconds"]) == (5, 0, 10)


async def test_resolve_when_an_id_was_taken_twice_then_the_filled_one_is_kept_and_the_other_is_surplus() -> None:
    world = world_of(claimed_row(1, attempt=2, sent_as=["at-1"]), record_broker_update={"trade_id": None})
    working = at_broker(broker_order_id="b-working")
    filled = at_broker(broker_order_id="b-filled", filled_quantity=Decimal(10), state="filled")
    broker = Doubling(world.journal, find_orders=[working, filled])
    await resolve_unknown(desk_of(world, {ALICE: broker}))
    (submission,) = world.asked("record_submission")
    assert (submission["p_broker_order_id"], submission["p_adopted"]) == ("b-filled", True)
    assert [each["p_update"]["broker_order_id"] for each in world.asked("record_broker_update")] == ["b-working"]


def due(number: int, account: Any) -> dict[str, Any]:
    return {"trade_id": str(trade(number)), "broker_account_id": str(account), "broker_order_id": f"b-{number}"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotConnected("ALPACA_UNAVAILABLE", "down"), False),
        (NotSent("RATE_LIMITED", "slow down"), False),
        (OutcomeUnknown("NO_ANSWER", "may be canceled"), False),
        (Rejected("40310000", "no", http_status=403), False),
        (BadCredentials("BAD_KEYS", "enter them again"), True),
        (ZeroDivisionError("a bug"), True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_cancel_when_one_broker_fails_then_every_other_cancel_is_asked_all_the_same(
    error: Exception, told: bool
) -> None:
    world = World({"cancel_orders_due": [due(1, BOB), due(2, ALICE), due(3, BOB)]})
    bobs, alices = ScriptedBroker(world.journal, "bobs", cancel=error), ScriptedBroker(world.journal, "alices")
    desk = desk_of(world, {ALICE: alices, BOB: bobs})
    assert await cancel_due(desk) == 3
    assert world.asked("bobs.cancel") == ["b-1", "b-3"]
    assert world.asked("alices.cancel") == ["b-2"]
    assert bool(world.asked("raise_alert")) is told
    # Nothing is assumed: the order's end comes from the broker.
    assert world.said("record_") == []


async def test_cancel_when_an_account_has_no_keys_then_it_is_told_and_the_others_are_asked() -> None:
    world = World({"cancel_orders_due": [due(1, BOB), due(2, ALICE)]})
    desk = desk_of(world, {ALICE: ScriptedBroker(world.journal)})
    await cancel_due(desk)
    assert world.asked("broker.cancel") == ["b-2"]
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == ["NO_BROKER_KEYS"]
    assert isinstance(desk.accounts, HandedAccounts)
