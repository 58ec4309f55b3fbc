"""An order that nobody has an answer for: looked for on a schedule of rows, believed absent by evidence only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.ledger.desk import NOON, Desk, claim_of, new_strategy, new_user
from tests.integration.ledger.ledger import Ledger


@dataclass
class Waiting:
    """A trade whose sending had no answer, and the hands on its journal."""

    desk: Desk
    trade: UUID

    def look(self, first: float = 0, longest: float = 0) -> dict[str, Any] | None:
        """The resolver's claim, where a look is due."""
        found = self.desk.ledger.call(
            "claim_unresolved",
            "fn_execute",
            p_owner="a test",
            p_lease_seconds=30,
            p_account_id=self.desk.account,
            p_first_seconds=first,
            p_longest_seconds=longest,
        )
        return found[0] if found else None

    def unseen(self, attempt: int, **doubt: Any) -> dict[str, Any]:
        said = {"p_trade_id": self.trade, "p_attempt": attempt, "p_now": NOON}
        answer: dict[str, Any] = self.desk.ledger.call("claim_resend", "fn_execute", **said | doubt)
        return answer

    def seen_nothing(self, **doubt: Any) -> dict[str, Any]:
        look = self.look()
        assert look is not None
        return self.unseen(look["attempt"], **doubt)

    def no_answer(self, attempt: int) -> None:
        said = {
            "p_trade_id": self.trade,
            "p_attempt": attempt,
            "p_outcome": "unknown",
            "p_detail": "down",
            "p_at": NOON,
        }
        self.desk.ledger.call("record_attempt", "fn_execute", **said)

    def passes(self, seconds: float) -> None:
        """The machine's time goes on: everything on record is that much older."""
        self.desk.ledger.tamper(
            "update public.order_attempts set claimed_at = claimed_at - %s, answered_at = answered_at - %s "
            "where trade_id = %s",
            timedelta(seconds=seconds),
            timedelta(seconds=seconds),
            self.trade,
        )

    def journal(self) -> list[tuple[Any, ...]]:
        return self.desk.ledger.rows(
            "select kind, outcome, client_order_id from public.order_attempts where trade_id = %s order by attempt",
            self.trade,
        )


def unknown(desk: Desk, **order: Any) -> Waiting:
    trade = desk.place(**order)
    desk.approve(trade)
    assert desk.claim(trade)["claimed"]
    found = Waiting(desk, trade)
    found.no_answer(1)
    assert desk.status(trade) == "unknown"
    return found


def doubling(ledger: Ledger) -> Desk:
    """A trader at a broker that takes an id as often as it is sent."""
    user = new_user(ledger)
    account = ledger.one(
        "insert into public.broker_accounts (user_id, broker, account_id) values (%s, 'tastytrade', '5W') returning id",
        user,
    )
    return Desk(ledger, user, account, new_strategy(ledger, user, account))


def test_look_when_the_answer_is_just_lost_then_due_after_the_first_wait_and_twice_as_late_each_time(
    desk: Desk,
) -> None:
    waiting = unknown(desk)
    schedule = {"first": 10.0, "longest": 35.0}
    for wait in (10, 20, 35, 35):
        waiting.passes(wait - 5)
        assert waiting.look(**schedule) is None, wait
        waiting.passes(5)
        look = waiting.look(**schedule)
        assert look is not None
        waiting.no_answer(look["attempt"])


def test_look_when_one_is_under_way_then_no_other(desk: Desk) -> None:
    waiting = unknown(desk)
    assert waiting.look() is not None
    assert waiting.look() is None


def test_unseen_when_within_patience_then_looked_for_again_and_each_look_is_on_record(desk: Desk) -> None:
    waiting = unknown(desk)
    for _ in range(3):
        assert waiting.seen_nothing(p_patience_seconds=30)["look_again"]
    assert [row[:2] for row in waiting.journal()] == [("send", "unknown"), *[("look", "not_seen")] * 3]
    details = desk.ledger.rows(
        "select detail from public.order_attempts where trade_id = %s and kind = 'look'", waiting.trade
    )
    assert all(detail.startswith("not seen at ") for (detail,) in details)
    waiting.passes(31)
    answer = waiting.seen_nothing(p_patience_seconds=30)
    (name,) = {row[2] for row in waiting.journal()}
    assert (answer["send"], answer["order"]["client_order_id"], answer["order"]["attempt"]) == (True, name, 6)


def test_unseen_when_too_late_and_within_patience_then_still_unknown_and_not_expired(desk: Desk) -> None:
    """Nothing is called over because it is late: it may be live."""
    waiting = unknown(desk)
    late = {"p_patience_seconds": 30, "p_now": NOON + timedelta(hours=1)}
    assert waiting.seen_nothing(**late)["look_again"]
    assert desk.status(waiting.trade) == "unknown"
    waiting.passes(31)
    assert waiting.seen_nothing(**late)["refusal"].startswith("TOO_LATE: ")


CLEAN = {"p_settle_seconds": 5, "p_gap_seconds": 10}


def test_unseen_when_ids_are_taken_twice_then_believed_after_two_clean_reads_with_time_between(ledger: Ledger) -> None:
    waiting = unknown(doubling(ledger))
    assert waiting.seen_nothing(**CLEAN)["look_again"]  # The request may still take effect: it says nothing.
    waiting.passes(12)
    assert waiting.seen_nothing(**CLEAN)["look_again"]  # The first clean read.
    waiting.passes(9)
    assert waiting.seen_nothing(**CLEAN)["look_again"]
    waiting.passes(2)
    answer = waiting.seen_nothing(**CLEAN)
    assert answer["send"]
    first, *_, last = [row[2] for row in waiting.journal()]
    assert (answer["order"]["client_order_id"], last) == (f"{first}-2", f"{first}-2")


def test_unseen_when_a_read_between_had_no_answer_then_the_clean_reads_begin_anew(ledger: Ledger) -> None:
    waiting = unknown(doubling(ledger))
    waiting.passes(6)
    assert waiting.seen_nothing(**CLEAN)["look_again"]
    waiting.passes(6)
    look = waiting.look()
    assert look is not None
    waiting.no_answer(look["attempt"])
    waiting.passes(6)
    assert waiting.seen_nothing(**CLEAN)["look_again"]
    waiting.passes(11)
    assert waiting.seen_nothing(**CLEAN)["send"]


def test_unseen_when_the_broker_answers_slowly_then_a_read_counts_from_its_beginning(ledger: Ledger) -> None:
    """What a slow read saw may be as old as its beginning: two such reads prove less than their answers' times say."""
    waiting = unknown(doubling(ledger))
    slow = waiting.look()  # Begun while the request may still take effect.
    waiting.passes(7)
    assert slow is not None
    assert waiting.unseen(slow["attempt"], **CLEAN)["look_again"]
    slow = waiting.look()
    waiting.passes(11)
    assert slow is not None
    assert waiting.unseen(slow["attempt"], **CLEAN)["look_again"]  # The first clean read, eleven seconds ago.
    waiting.passes(1)
    assert waiting.seen_nothing(**CLEAN)["send"]


def test_unseen_when_ids_are_taken_once_and_the_read_is_slow_then_its_beginning_counts(desk: Desk) -> None:
    waiting = unknown(desk)
    slow = waiting.look()
    waiting.passes(31)
    assert slow is not None
    assert waiting.unseen(slow["attempt"], p_patience_seconds=30)["look_again"]


def test_first_sending_when_it_appears_after_the_second_then_it_is_surplus_canceled_and_told(ledger: Ledger) -> None:
    desk = doubling(ledger)
    waiting = unknown(desk)
    again = waiting.seen_nothing()["order"]
    desk.ledger.call(
        "record_submission",
        "fn_execute",
        p_trade_id=waiting.trade,
        p_attempt=again["attempt"],
        p_broker_order_id="second",
        p_at=NOON,
    )
    desk.update("first", "submitted", client_order_id=waiting.journal()[0][2])
    due = [row["broker_order_id"] for row in desk.ledger.call("cancel_orders_due", "fn_execute")]
    assert ("first" in due, "second" in due) == (True, False)
    assert "STRAY_ORDER" in codes(desk)
    # Both filled before the cancel came: nothing is lost, and it is told.
    desk.fill("second", "100", "10", external_id="fill-2", client_order_id=again["client_order_id"])
    desk.fill("first", "100", "10", external_id="fill-1")
    assert desk.position() == 200
    assert "EXCESS_FILL_BREAK" in codes(desk)


def test_second_sending_when_only_its_fill_is_told_then_found_by_its_own_name(ledger: Ledger) -> None:
    desk = doubling(ledger)
    waiting = unknown(desk)
    again = waiting.seen_nothing()["order"]
    answer = desk.fill("second", "100", "10", external_id="fill-1", client_order_id=again["client_order_id"])
    assert (answer["trade_id"], answer["status"]) == (str(waiting.trade), "filled")


def test_claim_when_an_order_of_the_symbol_is_unknown_then_it_waits_until_that_is_resolved(ledger: Ledger) -> None:
    desk = doubling(ledger)
    desk.hold_named("100")
    waiting = unknown(desk)
    exit_trade, other = desk.place_exit("sell", "100"), desk.place(symbol="IWM")
    for trade in (exit_trade, other):
        assert desk.approve(trade) == "approved"
    # An exit beside an order that may be live could double it, so it waits, and that is said loudly.
    assert desk.claim(exit_trade) == {"claimed": False, "status": "approved", "waits_for": str(waiting.trade)}
    assert "EXIT_WAITS" in codes(desk)
    assert desk.claim(other)["claimed"]
    desk.update("found", "canceled", client_order_id=waiting.journal()[0][2])
    assert desk.claim(exit_trade)["claimed"]


def test_claim_when_a_sender_died_with_an_order_of_the_symbol_then_it_waits_as_well(ledger: Ledger) -> None:
    desk = doubling(ledger)
    first, second = desk.place(), desk.place()
    for trade in (first, second):
        desk.approve(trade)
    desk.ledger.call("claim_trade", "fn_execute", **claim_of(first) | {"p_lease_seconds": -1})
    assert desk.claim(second)["waits_for"] == str(first)


@pytest.mark.parametrize(("closes", "claimed"), [(True, True), (False, False)])
def test_claim_when_the_broker_takes_an_id_once_then_only_what_adds_waits(
    desk: Desk, closes: bool, claimed: bool
) -> None:
    desk.hold("100")
    unknown(desk)
    trade = desk.place_exit("sell", "100") if closes else desk.place()
    desk.approve(trade)
    assert desk.claim(trade)["claimed"] is claimed


def codes(desk: Desk) -> set[str]:
    return {code for (code,) in desk.ledger.rows("select code from public.alerts where user_id = %s", desk.user)}
