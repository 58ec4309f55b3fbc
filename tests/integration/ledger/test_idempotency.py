"""Everything may be said twice, late, or by eight at once: it happens once, or not at all when it is too late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.integration.ledger.desk import (
    NOON,
    Desk,
    approval_of,
    calling,
    claim_of,
    decision,
    fill_of,
    new_account,
    order_of,
)
from tests.integration.ledger.ledger import THREADS, Connection, Ledger, call, refused


def test_decisions_when_recorded_twice_then_stored_and_placed_once(desk: Desk) -> None:
    said = decision(desk.strategy, order_of())
    assert len(desk.decide(said)) == 1
    assert desk.decide(said) == []
    assert (desk.count("strategy_decisions"), desk.count("trades")) == (1, 1)


def test_decisions_when_recorded_by_eight_at_once_then_stored_and_placed_once(desk: Desk) -> None:
    said = [decision(desk.strategy, order_of())]
    found = desk.ledger.at_once(
        *[calling("record_decisions", "fn_strategy", p_symbol="SPY", p_decisions=said)] * THREADS
    )
    assert sorted(len(answer["placed"]) for answer in found) == [0] * (THREADS - 1) + [1]
    assert (desk.count("strategy_decisions"), desk.count("trades")) == (1, 1)


def test_decision_when_older_than_the_cursor_then_ignored(desk: Desk) -> None:
    desk.decide(decision(desk.strategy, order_of(), at=NOON))
    assert desk.decide(decision(desk.strategy, order_of(), at=NOON - timedelta(seconds=1))) == []
    assert desk.count("strategy_decisions") == 1


def test_decision_when_it_is_to_stay_then_kept_with_its_reason(desk: Desk) -> None:
    assert desk.decide(decision(desk.strategy)) == []
    kept = desk.ledger.rows(
        "select action, reason, refused from public.strategy_decisions where user_id = %s", desk.user
    )
    assert kept == [("stay", "a test says so", None)]


def test_decision_when_strategy_was_deactivated_meanwhile_then_ignored(desk: Desk) -> None:
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    assert desk.decide(decision(desk.strategy, order_of())) == []
    assert (desk.count("strategy_decisions"), desk.count("trades")) == (0, 0)


def test_decisions_when_one_order_is_refused_then_the_others_are_not_lost(ledger: Ledger) -> None:
    here, there = Desk.open(ledger), Desk.open(ledger)
    placed = here.decide(
        decision(here.strategy, order_of(quantity="0"), order_of(number=2)), decision(there.strategy, order_of())
    )
    assert len(placed) == 2
    assert (here.count("trades"), there.count("trades")) == (1, 1)
    assert ledger.one("select refused from public.strategy_decisions where user_id = %s", here.user).startswith(
        "BAD_ORDER: "
    )


def test_signal_when_sent_twice_by_hand_then_one_trade(desk: Desk) -> None:
    assert desk.place_by_hand("key") == desk.place_by_hand("key")
    assert desk.place_by_hand("another key") != desk.place_by_hand("key")
    assert desk.count("trades") == 2


def test_signal_when_sent_by_eight_at_once_then_one_trade(desk: Desk) -> None:
    order = order_of() | {"idempotency_key": "key", "broker_account_id": str(desk.account)}
    found = desk.ledger.at_once(*[calling("place_trade", "authenticated", desk.user, p_order=order)] * THREADS)
    assert len({answer["trade_id"] for answer in found}) == 1
    assert desk.count("trades") == 1


def test_steps_when_sixteen_take_each_of_them_for_the_same_signals_then_every_order_is_made_and_sent_once(
    desk: Desk,
) -> None:
    """Sixteen clients walk the same six orders from the signal to the fill: 96 tries of each step."""
    made: list[list[str]] = []

    def walk(connection: Connection) -> None:
        claimed = []
        for number in range(6):
            order = order_of(quantity="1") | {"idempotency_key": f"k{number}", "broker_account_id": str(desk.account)}
            trade = call(connection, "place_trade", "authenticated", desk.user, p_order=order)["trade_id"]
            connection.commit()
            call(connection, "approve_trade", "fn_risk", **approval_of(trade))
            connection.commit()
            now = connection.execute("select event_at from public.trades where id = %s", [trade]).fetchone()
            assert now is not None
            if call(connection, "claim_trade", "fn_execute", **claim_of(trade, now[0]))["claimed"]:
                claimed.append(trade)
            connection.commit()
            if connection.execute("select status from public.trades where id = %s", [trade]).fetchone() != (
                "approved",
            ):
                said = {"p_trade_id": trade, "p_attempt": 1, "p_broker_order_id": f"o-{trade}", "p_at": NOON}
                call(connection, "record_submission", "fn_execute", **said)
                connection.commit()
                fill = fill_of(f"o-{trade}", "1", "10")
                call(connection, "record_fill", "fn_execute", p_account_id=desk.account, p_fill=fill)
                connection.commit()
        made.append(claimed)

    desk.ledger.at_once(*[walk] * 16)
    claimed = [trade for one in made for trade in one]
    assert len(claimed) == len(set(claimed)) == 6
    assert (desk.count("trades"), desk.count("order_attempts"), desk.count("fills")) == (6, 6, 6)
    assert desk.position() == 6
    steps = "select count(*) from public.trade_transitions where user_id = %s"
    assert desk.ledger.one(steps, desk.user) == 6 * 5


def test_names_when_doubled_by_hand_then_refused_by_the_table(desk: Desk) -> None:
    """Whatever a bug would write: signal, client order id and broker order id are unique on an account."""
    trade, _ = desk.working()
    for same in ("signal", "client_order_id", "broker_order_id"):
        differing = {"signal": "x", "client_order_id": "x", "broker_order_id": "x"}
        del differing[same]
        pairs = ", ".join(f"'{name}', '{value}'" for name, value in differing.items())
        with pytest.raises(psycopg.errors.UniqueViolation, match=same):
            desk.ledger.tamper(
                "insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object("  # noqa: S608
                f"'id', gen_random_uuid(), 'placed_number', 0, {pairs}))).* from public.trades as t where id = %s",
                trade,
            )


def test_order_by_hand_when_without_key_then_refused_and_nothing_written(desk: Desk) -> None:
    with refused("IDEMPOTENCY_KEY_NEEDED", 422):
        desk.place_by_hand("")
    assert desk.count("trades") == 0


def test_order_by_hand_when_it_names_times_and_signal_then_the_ledger_decides(desk: Desk) -> None:
    trade = desk.place_by_hand(
        "key", event_at="2000-01-01T00:00Z", good_until="2100-01-01T00:00Z", signal="a strategy's"
    )
    row = desk.ledger.rows(
        "select event_at > now() - interval '1 minute', good_until < now() + interval '10 minutes', signal, source "
        "from public.trades where id = %s",
        trade,
    )
    assert row == [(True, True, "manual|key", "manual")]


def test_order_by_hand_when_nobody_is_signed_in_then_refused(ledger: Ledger) -> None:
    with refused("SIGN_IN", 401):
        ledger.call("place_trade", "authenticated", None, p_order={})


def test_claim_when_eight_want_it_then_exactly_one_has_it(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    found = desk.ledger.at_once(*[calling("claim_trade", "fn_execute", **claim_of(trade))] * THREADS)
    assert sum(answer["claimed"] for answer in found) == 1
    assert desk.ledger.one("select count(*) from public.order_attempts where trade_id = %s", trade) == 1


@pytest.mark.parametrize(("late", "claimed"), [(timedelta(0), True), (timedelta(microseconds=1), False)])
def test_claim_when_past_good_until_then_expired(desk: Desk, late: timedelta, claimed: bool) -> None:
    trade = desk.place()
    desk.approve(trade)
    good_until = desk.ledger.one("select good_until from public.trades where id = %s", trade)
    assert good_until == NOON + timedelta(minutes=5)
    assert desk.claim(trade, good_until + late)["claimed"] is claimed
    assert desk.status(trade) == ("submitting" if claimed else "expired")
    if not claimed:
        assert desk.ledger.one("select refusal from public.trades where id = %s", trade).startswith("TOO_LATE: ")
        assert not desk.claim(trade, NOON)["claimed"]


def test_expire_when_pending_and_in_time_then_left_alone(desk: Desk) -> None:
    trade = desk.place()
    expire = {"p_trade_id": trade, "p_now": NOON + timedelta(minutes=5)}
    assert desk.ledger.call("expire_trade", "fn_risk", **expire) == {"status": "pending"}
    expire["p_now"] = NOON + timedelta(minutes=6)
    assert desk.ledger.call("expire_trade", "fn_risk", **expire) == {"status": "expired"}


def test_submission_when_recorded_twice_then_once(desk: Desk) -> None:
    trade, order = desk.working()
    desk.submit(trade, order)
    assert desk.ledger.one("select count(*) from public.trade_transitions where trade_id = %s", trade) == 4


def test_submission_when_broker_answers_with_a_second_order_then_alert(desk: Desk) -> None:
    trade, _ = desk.working()
    for _ in range(2):
        desk.submit(trade, "second-order")
    assert desk.ledger.rows("select code, severity from public.alerts where user_id = %s", desk.user) == [
        ("STRAY_ORDER", "critical")
    ]


def test_order_when_the_broker_has_one_that_no_open_trade_stands_for_then_cancelled_until_it_says_so(
    desk: Desk,
) -> None:
    trade, order = desk.working()
    desk.update(order, "canceled")
    desk.submit(trade, "stray")
    halted = desk.ledger.one("select closed from public.trading_gates where gate_key = %s", f"account:{desk.account}")
    assert halted
    assert desk.status(trade) == "canceled"

    def due() -> list[str]:
        found = desk.ledger.call("cancel_orders_due", "fn_execute")
        return [item["broker_order_id"] for item in found if item["broker_account_id"] == str(desk.account)]

    working = desk.ledger.call("working_orders", "fn_execute", p_account_id=desk.account)
    assert [(item["broker_order_id"], item["status"]) for item in working] == [("stray", "stray")]
    assert due() == ["stray"]
    desk.update("stray", "canceled")
    assert due() == []


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (None, None),
        ("close the gate", "GATE_CLOSED"),
        ("too late", "TOO_LATE"),
        ("older attempt", "NOT_NEWEST"),
        ("broker has it", "NOT_UNKNOWN"),
    ],
)
def test_resend_when_something_changed_meanwhile_then_refused(
    desk: Desk, spoil: str | None, refusal: str | None
) -> None:
    trade = desk.place()
    desk.approve(trade)
    desk.ledger.call("claim_trade", "fn_execute", **claim_of(trade) | {"p_lease_seconds": -1})
    resolve = {"p_owner": "a test", "p_lease_seconds": 30, "p_account_id": desk.account}
    (order,) = desk.ledger.call("claim_unresolved", "fn_execute", **resolve)
    said = {"p_trade_id": trade, "p_attempt": order["attempt"], "p_now": NOON}
    match spoil:
        case "close the gate":
            desk.ledger.call("close_gate", "fn_risk", p_gate_key=f"account:{desk.account}", p_reason="x")
        case "too late":
            said["p_now"] = NOON + timedelta(hours=1)
        case "older attempt":
            said["p_attempt"] = 1
        case "broker has it":
            desk.submit(trade)
    answer = desk.ledger.call("claim_resend", "fn_execute", **said)
    assert answer["send"] is (refusal is None)
    assert (answer["refusal"] or "None").split(":")[0] == str(refusal)


def test_unresolved_when_answered_unknown_then_one_of_eight_resolvers_asks(desk: Desk) -> None:
    trades = [desk.place() for _ in range(5)]
    for trade in trades:
        desk.approve(trade)
        assert desk.claim(trade)["claimed"]
    for trade in trades:
        said = {"p_trade_id": trade, "p_attempt": 1, "p_outcome": "unknown", "p_detail": "timeout", "p_at": NOON}
        desk.ledger.call("record_attempt", "fn_execute", **said)
    resolve = {"p_owner": "a test", "p_lease_seconds": 30, "p_account_id": desk.account}
    found = desk.ledger.at_once(*[calling("claim_unresolved", "fn_execute", **resolve)] * THREADS)
    assert sorted(order["trade_id"] for orders in found for order in orders) == sorted(map(str, trades))


@pytest.mark.parametrize(
    "change", [{"side": "sell"}, {"symbol": "IWM"}, {"quantity": "7"}, {"order_type": "stop", "stop_price": "1"}]
)
def test_signal_when_used_again_for_another_order_then_refused(desk: Desk, change: dict[str, str]) -> None:
    desk.place_by_hand("key")
    order = order_of() | {"idempotency_key": "key", "broker_account_id": str(desk.account)} | change
    with refused("SIGNAL_REUSED", 409):
        desk.ledger.call("place_trade", "authenticated", desk.user, p_order=order)
    assert desk.count("trades") == 1


def test_key_when_used_again_after_approval_for_another_quantity_then_refused(desk: Desk) -> None:
    whole, cut = desk.place_by_hand("whole"), desk.place_by_hand("cut")
    desk.approve(whole)
    reduced = approval_of(cut, "100", "60") | {"p_decisions": [{"rule": "MAX_ORDER", "verdict": "reduce"}]}
    desk.ledger.call("approve_trade", "fn_risk", **reduced)
    for key, quantity in (("whole", "1000"), ("cut", "50")):
        with refused("SIGNAL_REUSED", 409):
            desk.place_by_hand(key, quantity=quantity)
    assert (desk.place_by_hand("whole"), desk.place_by_hand("cut")) == (whole, cut)


def test_key_when_used_at_once_for_orders_of_two_accounts_then_one_order(desk: Desk) -> None:
    accounts = (desk.account, new_account(desk.ledger, desk.user))
    works = [
        calling(
            "place_trade",
            "authenticated",
            desk.user,
            p_order=order_of() | {"idempotency_key": "key", "broker_account_id": str(accounts[number % 2])},
        )
        for number in range(THREADS)
    ]

    def tried(work: Callable[[Connection], Any]) -> Callable[[Connection], str]:
        def run(connection: Connection) -> str:
            try:
                return str(work(connection)["trade_id"])
            except psycopg.Error as error:
                connection.rollback()
                return str(error).partition(":")[0]

        return run

    found = desk.ledger.at_once(*[tried(work) for work in works])
    assert found.count("SIGNAL_REUSED") == THREADS // 2
    assert (len(set(found)), desk.count("trades")) == (2, 1)


def test_market_order_when_its_session_ends_first_then_good_until_the_close(fresh_desk: Desk) -> None:
    session = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T16:01Z"}
    fresh_desk.ledger.call("upsert_calendar", "fn_ingest", p_sessions=[session], p_source="test")
    at_market = fresh_desk.place()
    at_limit = fresh_desk.place(order_type="limit", price="10")
    query = "select good_until from public.trades where id = %s"
    assert fresh_desk.ledger.one(query, at_market) == NOON + timedelta(minutes=1)
    assert fresh_desk.ledger.one(query, at_limit) == NOON + timedelta(minutes=6)


def test_cancel_when_requested_twice_then_once(desk: Desk) -> None:
    trade, _ = desk.working()
    answers = [
        desk.ledger.call("request_cancel", "authenticated", desk.user, p_trade_id=trade, p_reason="x") for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["status"] == "cancel_pending"


def test_unresolved_when_lease_is_over_then_one_of_eight_resolvers_asks(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    desk.ledger.call("claim_trade", "fn_execute", **claim_of(trade) | {"p_lease_seconds": -1})
    resolve = {"p_owner": "a test", "p_lease_seconds": 30, "p_account_id": desk.account}
    found = desk.ledger.at_once(*[calling("claim_unresolved", "fn_execute", **resolve)] * THREADS)
    assert [order["trade_id"] for orders in found for order in orders] == [str(trade)]
    outcomes = desk.ledger.rows("select outcome from public.order_attempts where trade_id = %s order by attempt", trade)
    assert outcomes == [("unknown",), (None,)]
    assert desk.status(trade) == "unknown"


def test_unresolved_when_lease_still_runs_then_left_to_its_sender(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    desk.claim(trade)
    resolve = {"p_owner": "a test", "p_lease_seconds": 30, "p_account_id": desk.account}
    assert desk.ledger.call("claim_unresolved", "fn_execute", **resolve) == []


def test_unresolved_when_broker_has_no_such_order_then_expired_and_never_sent_again(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    desk.ledger.call("claim_trade", "fn_execute", **claim_of(trade) | {"p_lease_seconds": -1})
    (order,) = desk.ledger.call(
        "claim_unresolved", "fn_execute", p_owner="a test", p_lease_seconds=30, p_account_id=desk.account
    )
    said = {"p_trade_id": trade, "p_attempt": order["attempt"], "p_detail": "NOT_PLACED", "p_at": NOON}
    assert desk.ledger.call("record_attempt", "fn_execute", p_outcome="not_placed", **said) == {"status": "expired"}
    assert not desk.claim(trade)["claimed"]


def test_stream_position_when_said_out_of_order_then_never_back(ledger: Ledger) -> None:
    name = {"p_worker": "stream_trade_updates", "p_stream": "trades"}
    ledger.call("record_stream_position", "fn_execute", **name, p_position=NOON)
    ledger.call("record_stream_position", "fn_execute", **name, p_position=NOON - timedelta(seconds=1))
    assert ledger.call("stream_position", "fn_execute", **name) == NOON


def test_event_when_handled_by_eight_at_once_then_first_for_one(ledger: Ledger) -> None:
    said = {"p_consumer": "a test", "p_event_id": "8" * 32}
    found = ledger.at_once(*[calling("record_handled", "fn_report", **said)] * THREADS)
    assert sorted(found) == [False] * (THREADS - 1) + [True]
    assert ledger.call("record_handled", "fn_report", **said) is False
    assert ledger.call("record_handled", "fn_report", **said | {"p_consumer": "another"}) is True


@pytest.mark.parametrize(
    ("role", "worker"),
    [("fn_ingest", "stream_trade_updates"), ("fn_ingest", "sync_accounts"), ("fn_execute", "stream_market_data")],
)
def test_stream_position_when_said_for_another_function_then_refused(ledger: Ledger, role: str, worker: str) -> None:
    """A place in the future is never taken back: execute would ask for no fill that it has missed."""
    with refused("WRONG_WORKER", 403):
        ledger.call(
            "record_stream_position", role, p_worker=worker, p_stream="s", p_position=NOON + timedelta(days=9000)
        )
