"""A cancel is always taken: done at once, asked of the broker, or kept until it is known whether the order works."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, claim_of
from tests.integration.ledger.ledger import refused


def cancel(desk: Desk, trade: UUID, reason: str = "enough") -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call(
        "request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason=reason
    )
    return answer


def sending(desk: Desk, lease: float = 30) -> UUID:
    """A trade that is on its way to the broker."""
    trade = desk.place()
    desk.approve(trade)
    assert desk.ledger.call("claim_trade", "fn_execute", **claim_of(trade) | {"p_lease_seconds": lease})["claimed"]
    return trade


def unknown(desk: Desk) -> tuple[UUID, int]:
    """A trade whose outcome is unknown, taken by the resolver, and the resolver's attempt."""
    trade = sending(desk, lease=-1)
    (order,) = desk.ledger.call(
        "claim_unresolved", "fn_execute", p_owner="a test", p_lease_seconds=30, p_account_id=desk.account
    )
    return trade, order["attempt"]


def due(desk: Desk) -> list[str]:
    found = desk.ledger.call("cancel_orders_due", "fn_execute")
    return [item["trade_id"] for item in found if item["broker_account_id"] == str(desk.account)]


def controls(desk: Desk, trade: UUID) -> list[str]:
    return [
        kind
        for (kind,) in desk.ledger.rows(
            "select type from private.outbox where topic = 'trade-controls' and data ->> 'trade_id' = %s",
            str(trade),
        )
    ]


def last_step(desk: Desk, trade: UUID) -> tuple[Any, ...]:
    return desk.ledger.rows(
        "select from_status, to_status, reason from public.trade_transitions where trade_id = %s "
        "order by number desc limit 1",
        trade,
    )[0]


@pytest.mark.parametrize("steps", [0, 1])
def test_cancel_when_nothing_was_sent_then_canceled_at_once(desk: Desk, steps: int) -> None:
    trade = desk.place()
    if steps:
        desk.approve(trade)
    assert cancel(desk, trade)["status"] == "canceled"
    assert not desk.claim(trade)["claimed"]
    assert last_step(desk, trade)[1:] == ("canceled", "CANCEL_REQUESTED: enough")


def test_cancel_when_the_order_works_then_the_broker_is_asked_and_the_journal_says_why(desk: Desk) -> None:
    trade, _ = desk.working()
    assert cancel(desk, trade)["status"] == "cancel_pending"
    assert (due(desk), controls(desk, trade)) == ([str(trade)], ["trade.cancel_requested"])
    assert last_step(desk, trade) == ("submitted", "cancel_pending", "enough")
    asked_by = desk.ledger.one("select cancel_requested_by from public.trades where id = %s", trade)
    assert asked_by == f"user:{desk.user}"


def test_cancel_when_the_order_is_on_its_way_then_kept_and_done_when_it_is_witnessed(desk: Desk) -> None:
    trade = sending(desk)
    answer = cancel(desk, trade)
    assert answer["status"] == "submitting"
    assert answer["cancel_requested_at"]
    assert (due(desk), controls(desk, trade)) == ([], [])
    desk.submit(trade)
    assert desk.status(trade) == "cancel_pending"
    assert (due(desk), controls(desk, trade)) == ([str(trade)], ["trade.cancel_requested"])


def test_cancel_when_a_fill_witnesses_the_order_then_the_rest_is_to_be_cancelled(desk: Desk) -> None:
    trade = sending(desk)
    cancel(desk, trade)
    client_order_id = desk.ledger.one("select client_order_id from public.trades where id = %s", trade)
    desk.fill("found", "40", "10", client_order_id=client_order_id)
    assert desk.status(trade) == "cancel_pending"
    desk.fill("found", "60", "10", "100", client_order_id=client_order_id)
    assert (desk.status(trade), desk.position()) == ("filled", 100)


def test_cancel_when_the_outcome_is_unknown_then_never_sent_again_and_canceled(desk: Desk) -> None:
    trade, attempt = unknown(desk)
    assert cancel(desk, trade)["status"] == "unknown"
    answer = desk.ledger.call("claim_resend", "fn_execute", p_trade_id=trade, p_attempt=attempt, p_now=NOON)
    assert answer == {"send": False, "refusal": "CANCEL_REQUESTED: enough", "look_again": False}
    assert desk.attempted(trade, "not_placed", attempt) == "canceled"


def test_cancel_when_the_outcome_is_unknown_and_the_broker_has_it_then_to_be_cancelled(desk: Desk) -> None:
    trade, attempt = unknown(desk)
    cancel(desk, trade)
    desk.ledger.call(
        "record_submission",
        "fn_execute",
        p_trade_id=trade,
        p_attempt=attempt,
        p_broker_order_id="found",
        p_at=NOON,
        p_adopted=True,
    )
    assert (desk.status(trade), due(desk)) == ("cancel_pending", [str(trade)])


def test_cancel_when_the_broker_refuses_the_order_then_it_is_rejected(desk: Desk) -> None:
    trade = sending(desk)
    cancel(desk, trade)
    assert desk.attempted(trade, "rejected", 1) == "rejected"
    assert due(desk) == []


def test_cancel_when_asked_again_then_the_first_wish_stands(desk: Desk) -> None:
    trade = sending(desk)
    assert cancel(desk, trade, "first") == cancel(desk, trade, "second")
    desk.submit(trade)
    assert cancel(desk, trade, "third")["status"] == "cancel_pending"
    assert desk.ledger.one("select cancel_reason from public.trades where id = %s", trade) == "first"


def test_cancel_wish_when_written_anew_or_taken_back_then_refused(desk: Desk) -> None:
    trade = sending(desk)
    cancel(desk, trade)
    for change in ("cancel_reason = 'other'", "cancel_requested_at = null, cancel_requested_by = null"):
        with refused("CANCEL_IS_FIXED", 409):
            desk.ledger.run(f"update public.trades set {change} where id = %s", trade)  # noqa: S608


def test_cancel_wish_when_the_trade_is_over_then_refused_by_hand_and_ignored_by_call(desk: Desk) -> None:
    trade, order = desk.working()
    desk.update(order, "canceled")
    assert cancel(desk, trade)["cancel_requested_at"] is None
    with refused("CANCEL_IS_FIXED", 409):
        desk.ledger.run(
            "update public.trades set cancel_requested_at = now(), cancel_requested_by = 'x', cancel_reason = '' "
            "where id = %s",
            trade,
        )


def test_cancel_when_it_meets_the_answer_of_the_broker_then_the_order_is_always_to_be_cancelled(desk: Desk) -> None:
    """Whichever comes first, no order works on after a cancel was taken."""
    for number in range(12):
        trade = sending(desk)
        said = {"p_trade_id": trade, "p_attempt": 1, "p_broker_order_id": f"o-{trade}", "p_at": NOON}
        wish = {"p_trade_id": trade, "p_reason": str(number)}
        desk.ledger.at_once(
            calling("record_submission", "fn_execute", **said),
            calling("request_cancel", "authenticated", desk.user, **wish),
            calling("request_cancel", "fn_risk", **wish),
        )
        assert desk.status(trade) == "cancel_pending"
        assert controls(desk, trade) == ["trade.cancel_requested"]


def test_cancel_when_it_meets_the_claim_then_canceled_unsent_or_kept_as_a_wish(desk: Desk) -> None:
    outcomes = set()
    for _ in range(12):
        trade = desk.place()
        desk.approve(trade)
        claimed, _ = desk.ledger.at_once(
            calling("claim_trade", "fn_execute", **claim_of(trade, NOON + timedelta(seconds=1))),
            calling("request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason="x"),
        )
        outcomes.add((claimed["claimed"], desk.status(trade)))
        if claimed["claimed"]:
            desk.submit(trade)
            assert desk.status(trade) == "cancel_pending"
    assert outcomes <= {(True, "submitting"), (False, "canceled")}


@pytest.mark.parametrize("end", ["canceled", "expired", "rejected"])
def test_end_when_the_broker_has_filled_more_than_it_has_told_then_taken_only_with_the_fills(
    desk: Desk, end: str
) -> None:
    """The list of orders may know of a fill before the list of executions: what is sold must not be sold again."""
    desk.hold("100")
    exit_, order = desk.working("sell", "100", position_intent="sell_to_close", order_type="limit", price="120")
    desk.update(order, end, filled_quantity="60")
    assert desk.status(exit_) == "submitted"
    assert desk.ledger.one(
        "select count(*) from public.alerts where code = 'FILLS_AWAITED' and user_id = %s", desk.user
    )
    second = desk.place_exit("sell", "100")
    assert desk.approve(second) == "rejected"

    desk.fill(order, "60", "120", side="sell")
    desk.update(order, end, filled_quantity="60")
    assert (desk.status(exit_), desk.position()) == (end, 40)


def test_end_when_a_fill_was_taken_back_then_it_is_taken_all_the_same(desk: Desk) -> None:
    trade, order = desk.working()
    desk.fill(order, "60", "10")
    desk.change("bust", order, cumulative_quantity="60")
    desk.update(order, "canceled", filled_quantity="60")
    assert desk.status(trade) == "canceled"
