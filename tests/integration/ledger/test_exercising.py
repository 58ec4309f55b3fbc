"""Options on request: exercised, or left to expire; asked of the broker once, done when it has told of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.integration.ledger.desk import NOON, Desk, new_account
from tests.integration.ledger.ledger import refused

CALL = "SPY131019C00170000"


@pytest.fixture
def holder(desk: Desk) -> Desk:
    """Somebody who holds two calls."""
    desk.activity("transfer_in", "two calls", symbol=CALL, quantity="2", price="1")
    return desk


def asked(desk: Desk, key: str = "a key", symbol: str = CALL, **said: Any) -> UUID:
    request = {"idempotency_key": key} | said
    answer = desk.ledger.call(
        "request_exercise",
        "authenticated",
        desk.user,
        p_account_id=desk.account,
        p_symbol=symbol,
        p_request=request,
    )
    return UUID(answer["id"])


def claimed(desk: Desk, exercise: UUID, lease: float = 30) -> dict[str, Any]:
    said = {"p_owner": "a test", "p_now": NOON, "p_lease_seconds": lease}
    answer: dict[str, Any] = desk.ledger.call("claim_exercise", "fn_execute", p_exercise_id=exercise, **said)
    return answer


def recorded(desk: Desk, exercise: UUID, outcome: str, attempt: int = 1, detail: str = "") -> str:
    said = {"p_attempt": attempt, "p_outcome": outcome, "p_detail": detail, "p_at": NOON}
    return str(desk.ledger.call("record_exercise", "fn_execute", p_exercise_id=exercise, **said))


def looked(desk: Desk, exercise: UUID, held: str, patience: float = 0, gap: float = 0) -> str:
    said = {"p_held": held, "p_at": NOON, "p_patience_seconds": patience, "p_gap_seconds": gap}
    return str(desk.ledger.call("record_exercise_look", "fn_execute", p_exercise_id=exercise, **said))


def due(desk: Desk) -> list[tuple[str, bool]]:
    rows = desk.ledger.call("exercises_due", "fn_execute", p_account_id=desk.account)
    return [(row["exercise_id"], row["to_look"]) for row in rows]


def status(desk: Desk, exercise: UUID) -> str:
    return str(desk.ledger.one("select status from public.exercises where id = %s", exercise))


def alerts(desk: Desk) -> list[str]:
    return [
        code
        for (code,) in desk.ledger.rows(
            "select code from public.alerts where user_id = %s and code like 'EXERCISE%%'", desk.user
        )
    ]


def test_exercise_when_accepted_and_told_then_done_and_the_shares_are_there(holder: Desk) -> None:
    exercise = asked(holder)
    assert asked(holder, quantity="2") == exercise
    assert due(holder) == [(str(exercise), False)]
    assert claimed(holder, exercise) == {"claimed": True, "status": "sending", "attempt": 1}
    assert not claimed(holder, exercise)["claimed"]
    assert due(holder) == []
    assert recorded(holder, exercise, "accepted") == "accepted"
    holder.activity("exercise", "told", symbol=CALL, quantity="2")
    assert status(holder, exercise) == "done"
    assert (holder.position(CALL), holder.position("SPY")) == (0, 200)
    events = holder.ledger.rows(
        "select type from private.outbox where topic = 'account-events' and data ->> 'exercise_id' = %s order by id",
        str(exercise),
    )
    assert [kind for (kind,) in events] == [f"exercise.{step}" for step in ("requested", "sending", "accepted", "done")]


def test_exercise_when_told_before_the_answer_is_recorded_then_done_and_it_stays_so(holder: Desk) -> None:
    exercise = asked(holder)
    claimed(holder, exercise)
    holder.activity("exercise", "told", symbol=CALL, quantity="2")
    assert recorded(holder, exercise, "unknown") == "done"
    assert looked(holder, exercise, "2") == "done"


def test_exercise_when_refused_then_told_with_the_reason(holder: Desk) -> None:
    exercise = asked(holder)
    claimed(holder, exercise)
    assert recorded(holder, exercise, "rejected", detail="UNSUPPORTED_EXERCISE: call the desk") == "rejected"
    refusal = holder.ledger.one("select refusal from public.exercises where id = %s", exercise)
    assert refusal == "UNSUPPORTED_EXERCISE: call the desk"
    assert alerts(holder) == ["EXERCISE_REFUSED"]
    assert asked(holder, "another key") != exercise


def test_exercise_when_nothing_was_sent_then_sent_again_later_and_another_attempt_does_not_speak_for_it(
    holder: Desk,
) -> None:
    exercise = asked(holder)
    claimed(holder, exercise)
    assert recorded(holder, exercise, "not_sent") == "requested"
    assert due(holder) == []
    holder.ledger.run("update public.exercises set retry_at = now() - interval '1 second' where id = %s", exercise)
    assert claimed(holder, exercise)["attempt"] == 2
    assert recorded(holder, exercise, "rejected", attempt=1) == "sending"


def test_exercise_when_the_answer_is_lost_and_the_broker_holds_less_then_accepted(holder: Desk) -> None:
    exercise = asked(holder)
    claimed(holder, exercise)
    recorded(holder, exercise, "unknown")
    assert due(holder) == [(str(exercise), True)]
    assert not claimed(holder, exercise)["claimed"]
    assert looked(holder, exercise, "0") == "accepted"


def test_exercise_when_the_answer_is_lost_and_the_broker_holds_all_of_it_then_never_sent_again(holder: Desk) -> None:
    exercise = asked(holder)
    claimed(holder, exercise)
    recorded(holder, exercise, "unknown")
    assert looked(holder, exercise, "2") == "unknown"
    # The same look, then one that is far enough from it, with and without the patience at its end.
    assert looked(holder, exercise, "2", gap=3600) == "unknown"
    assert looked(holder, exercise, "2", patience=3600) == "unknown"
    assert looked(holder, exercise, "2") == "not_taken"
    assert (alerts(holder), due(holder)) == (["EXERCISE_NOT_TAKEN"], [])
    holder.activity("exercise", "told late", symbol=CALL, quantity="2")
    assert status(holder, exercise) == "done"


def test_exercise_when_its_sender_died_then_looked_for_once_its_lease_is_over(holder: Desk) -> None:
    exercise = asked(holder)
    claimed(holder, exercise, lease=0)
    assert due(holder) == [(str(exercise), True)]
    assert looked(holder, exercise, "2") == "unknown"


def test_do_not_exercise_when_the_answer_is_lost_then_said_again(holder: Desk) -> None:
    exercise = asked(holder, do_not_exercise=True)
    claimed(holder, exercise)
    recorded(holder, exercise, "unknown")
    assert looked(holder, exercise, "2") == "requested"
    assert claimed(holder, exercise)["attempt"] == 2
    assert recorded(holder, exercise, "accepted", attempt=2) == "accepted"
    # It is no exercise on its way: a change of mind is another request.
    assert asked(holder, "changed my mind") != exercise


@pytest.mark.parametrize(
    ("said", "code", "http"),
    [
        ({"quantity": "1"}, "WHOLE_POSITION_ONLY", 422),
        ({"symbol": "SPY131019P00170000"}, "NO_SUCH_POSITION", 404),
        ({"symbol": "SPY"}, "NO_SUCH_POSITION", 404),
        ({"quantity": "many"}, "BAD_EXERCISE", 422),
        ({"colour": "red"}, "BAD_EXERCISE", 422),
        ({"key": ""}, "IDEMPOTENCY_KEY_NEEDED", 422),
    ],
)
def test_exercise_when_it_cannot_be_then_refused(holder: Desk, said: dict[str, Any], code: str, http: int) -> None:
    with refused(code, http):
        asked(holder, **said)


def test_exercise_when_sold_then_refused(desk: Desk) -> None:
    desk.activity("transfer_in", "sold", symbol=CALL, quantity="-1", price="1")
    for wish in (False, True):
        with refused("NO_SUCH_POSITION", 404):
            asked(desk, do_not_exercise=wish)


def test_exercise_when_halted_then_refused_and_a_wish_that_there_be_none_passes(holder: Desk) -> None:
    holder.close()
    with refused("GATE_CLOSED", 409):
        asked(holder)
    assert status(holder, asked(holder, do_not_exercise=True)) == "requested"


def test_exercise_when_halted_before_it_is_sent_then_not_sent(holder: Desk) -> None:
    exercise = asked(holder)
    holder.close()
    assert claimed(holder, exercise) == {"claimed": False, "status": "rejected", "attempt": 0}


def test_exercise_when_an_order_works_in_it_then_refused(holder: Desk) -> None:
    holder.place_by_hand("a sale", "sell", "1", symbol=CALL, position_intent="sell_to_close")
    with refused("ORDERS_WORK", 409):
        asked(holder)


def test_exercise_when_the_option_is_over_before_it_is_sent_then_expired(holder: Desk) -> None:
    exercise = asked(holder)
    said = {"p_owner": "a test", "p_now": NOON.replace(day=21), "p_lease_seconds": 30}
    answer = holder.ledger.call("claim_exercise", "fn_execute", p_exercise_id=exercise, **said)
    assert (answer["claimed"], answer["status"]) == (False, "expired")


def test_exercise_when_on_anothers_account_then_not_found(holder: Desk, desk: Desk) -> None:
    thief = Desk.open(desk.ledger)
    theft = Desk(desk.ledger, thief.user, holder.account, thief.strategy)
    with refused("NO_SUCH_ACCOUNT", 404):
        asked(theft)
    own = Desk(desk.ledger, thief.user, new_account(desk.ledger, thief.user), thief.strategy)
    with refused("NO_SUCH_POSITION", 404):
        asked(own)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("status = 'done'", "BAD_TRANSITION"),
        ("status = 'accepted'", "BAD_TRANSITION"),
        ("quantity = 1", "EXERCISE_IS_FIXED"),
        ("wish = 'do_not_exercise'", "EXERCISE_IS_FIXED"),
    ],
)
def test_exercise_when_changed_by_hand_then_its_states_and_terms_hold(holder: Desk, change: str, code: str) -> None:
    exercise = asked(holder)
    with refused(code, 409):
        holder.ledger.run(f"update public.exercises set {change} where id = %s", exercise)  # noqa: S608 - the test's own
