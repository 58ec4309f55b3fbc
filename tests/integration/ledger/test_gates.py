"""The kill switch: after close_gate has returned no entry passes any step, and what reduces always does."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, approval_of, calling, claim_of, decision, new_strategy, order_of
from tests.integration.ledger.ledger import THREADS, Connection, Ledger, answers, become, call, refused

SCOPES = ("global", "user", "account", "strategy")


def _gate(desk: Desk, scope: str) -> str:
    return {
        "global": "global",
        "user": f"user:{desk.user}",
        "account": f"account:{desk.account}",
        "strategy": f"strategy:{desk.strategy}",
    }[scope]


def _close(desk: Desk, scope: str = "account") -> None:
    desk.ledger.call("close_gate", "fn_risk", p_gate_key=_gate(desk, scope), p_reason="a test")


@pytest.mark.parametrize("scope", SCOPES)
def test_entry_when_gate_closed_then_no_step_passes(fresh_desk: Desk, scope: str) -> None:
    pending, approved = fresh_desk.place(), fresh_desk.place()
    fresh_desk.approve(approved)
    _close(fresh_desk, scope)
    with refused("GATE_CLOSED", 409) as error:
        if scope == "strategy":
            # A strategy's own gate does not concern the trader's hand.
            fresh_desk.lift(scope)
            fresh_desk.place_by_hand("key")
            _close(fresh_desk, "account")
        fresh_desk.place_by_hand("another key")
    assert _gate(fresh_desk, "account" if scope == "strategy" else scope) in str(error.value)
    _close(fresh_desk, scope)
    assert fresh_desk.approval(pending)["refusal"]["code"] == "GATE_CLOSED"
    assert fresh_desk.claim(approved) == {"claimed": False, "status": "canceled"}


@pytest.mark.parametrize("scope", SCOPES)
def test_decision_when_gate_closed_then_decision_kept_with_its_refusal(fresh_desk: Desk, scope: str) -> None:
    _close(fresh_desk, scope)
    assert fresh_desk.decide(decision(fresh_desk.strategy, order_of())) == []
    refusal = fresh_desk.ledger.one("select refused from public.strategy_decisions")
    assert refusal == f"GATE_CLOSED: gate={_gate(fresh_desk, scope)}"


@pytest.mark.parametrize("scope", SCOPES)
def test_reducing_order_and_cancel_when_gate_closed_then_pass_every_step(fresh_desk: Desk, scope: str) -> None:
    fresh_desk.hold("100")
    working, _ = fresh_desk.working("buy", "10")
    _close(fresh_desk, scope)
    exit_trade = fresh_desk.place_exit("sell", "100")
    assert fresh_desk.approve(exit_trade) == "approved"
    assert fresh_desk.claim(exit_trade)["claimed"]
    cancel = fresh_desk.ledger.call(
        "request_cancel", "authenticated", fresh_desk.user, p_trade_id=working, p_reason="out"
    )
    assert cancel["status"] == "cancel_pending"


@pytest.mark.parametrize(
    ("held", "side", "quantity", "working", "passes"),
    [
        ("100", "sell", "100", None, True),
        ("100", "sell", "100.0000000001", None, False),
        ("100", "sell", "60", "40", True),
        ("100", "sell", "61", "40", False),
        ("100", "buy", "1", None, False),
        ("-100", "buy", "100", None, True),
        ("-100", "buy", "101", None, False),
        ("-100", "sell", "1", None, False),
        ("-100", "buy", "60", "50", False),
    ],
)
def test_reducing_when_gate_closed_then_net_of_working_closing_orders(
    desk: Desk, held: str, side: str, quantity: str, working: str | None, passes: bool
) -> None:
    desk.hold(held)
    if working:
        desk.working(side, working)
    _close(desk)
    if passes:
        assert desk.approve(desk.place_exit(side, quantity)) == "approved"
    else:
        order = order_of(side, quantity, position_intent=f"{side}_to_close")
        assert desk.decide(decision(desk.strategy, order, at=NOON + timedelta(hours=1))) == []


@pytest.mark.parametrize("more", [{}, {"position_intent": "sell_to_open"}])
def test_sale_when_it_does_not_promise_to_reduce_then_a_closed_gate_holds_it(desk: Desk, more: dict[str, str]) -> None:
    desk.hold("100")
    _close(desk)
    order = order_of("sell", "100", **more)
    assert desk.decide(decision(desk.strategy, order, at=NOON + timedelta(hours=1))) == []


def test_exits_when_two_strategies_share_an_account_then_none_sells_what_the_other_holds(desk: Desk) -> None:
    neighbour = Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))
    desk.hold("100")
    neighbour.hold("100")
    assert desk.approve(desk.place_exit("sell", "100")) == "approved"
    second = desk.place_exit("sell", "100")
    assert desk.approval(second)["refusal"]["code"] == "WOULD_NOT_REDUCE"
    assert neighbour.approve(neighbour.place_exit("sell", "100")) == "approved"


def test_exits_when_eight_are_approved_at_once_behind_a_closed_gate_then_never_more_than_is_held(desk: Desk) -> None:
    desk.hold("100")
    trades = [desk.place_exit("sell", "50") for _ in range(THREADS)]
    _close(desk)
    found = desk.ledger.at_once(*[calling("approve_trade", "fn_risk", **approval_of(trade)) for trade in trades])
    assert sum(answer["status"] == "approved" for answer in found) == 2


def test_reduce_only_when_it_would_not_reduce_then_rejected_though_gates_are_open(desk: Desk) -> None:
    trade = desk.place_exit("sell", "10")
    assert desk.approval(trade)["refusal"]["code"] == "WOULD_NOT_REDUCE"


@pytest.mark.parametrize("step", ["place", "approve", "claim"])
def test_entries_when_gate_closes_among_eight_then_none_passes_after_it_returned(ledger: Ledger, step: str) -> None:
    """Each thread goes on making entries; what passed is compared with the moment at which close_gate was back."""
    desks = [Desk.open(ledger) for _ in range(3)]
    for desk in desks:
        trades = iter([desk.place() for _ in range(THREADS * 6)])
        batches = [[next(trades) for _ in range(6)] for _ in range(THREADS)]
        if step == "claim":
            for batch in batches:
                for trade in batch:
                    desk.approve(trade)

        def make_entries(connection: Connection, batch: list[UUID], desk: Desk = desk) -> None:
            for trade in batch:
                try:
                    if step == "place":
                        order = order_of() | {"idempotency_key": str(uuid4()), "broker_account_id": str(desk.account)}
                        call(connection, "place_trade", "authenticated", desk.user, p_order=order)
                    elif step == "approve":
                        call(connection, "approve_trade", "fn_risk", **approval_of(trade))
                    else:
                        call(connection, "claim_trade", "fn_execute", **claim_of(trade))
                    connection.commit()
                except psycopg.Error as error:
                    connection.rollback()
                    if error.sqlstate != "PT409":
                        raise

        def close(connection: Connection, desk: Desk = desk) -> object:
            call(connection, "close_gate", "fn_risk", p_gate_key=f"account:{desk.account}", p_reason="a test")
            connection.commit()
            row = connection.execute("select clock_timestamp()").fetchone()
            assert row is not None
            return row[0]

        works = [lambda connection, batch=batch: make_entries(connection, batch) for batch in batches]
        *_, closed_at = ledger.at_once(*works, close)
        reached = {"place": "pending", "approve": "approved", "claim": "submitting"}[step]
        last = ledger.one(
            "select max(at) from public.trade_transitions where user_id = %s and to_status = %s", desk.user, reached
        )
        assert last is None or last < closed_at


def test_close_gate_when_an_order_is_under_way_then_waits_for_it(desk: Desk) -> None:
    """The order that holds the gate open ends first: close_gate never returns with an order still passing."""
    trade = desk.place()
    with desk.ledger.session() as passing, desk.ledger.session() as closing:
        call(passing, "approve_trade", "fn_risk", **approval_of(trade))
        closing.execute("set local lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            call(closing, "close_gate", "fn_risk", p_gate_key=f"account:{desk.account}", p_reason="a test")
        closing.rollback()
        passing.commit()
        call(closing, "close_gate", "fn_risk", p_gate_key=f"account:{desk.account}", p_reason="a test")


def test_gate_when_moved_then_history_says_who_and_why_once(desk: Desk) -> None:
    key = f"account:{desk.account}"
    for _ in range(2):
        desk.ledger.call("close_gate", "authenticated", desk.user, p_gate_key=key, p_reason="lunch")
    desk.lift(reason="back")
    history = desk.ledger.rows(
        "select action, reason, by_whom from public.trading_halts where gate_key = %s order by id", key
    )
    studio = desk.ledger.one("select private.actor()")
    assert history == [("engaged", "lunch", f"user:{desk.user}"), ("lifted", "back", studio)]


def test_gate_when_closed_again_more_gently_then_stays_as_hard_as_it_was(desk: Desk) -> None:
    key = f"account:{desk.account}"
    for mode, stands in (("cancel_working", "cancel_working"), ("flatten", "flatten"), ("no_new_entries", "flatten")):
        desk.ledger.call("close_gate", "fn_risk", p_gate_key=key, p_reason="x", p_mode=mode)
        assert desk.ledger.one("select mode from public.trading_gates where gate_key = %s", key) == stands


def test_gate_when_a_person_lifts_it_then_second_factor_and_reason_needed(desk: Desk) -> None:
    key = f"account:{desk.account}"
    _close(desk)

    def lift(aal: str, reason: str) -> None:
        with desk.ledger.session() as connection:
            become(connection, "authenticated", desk.user, aal=aal)
            connection.execute("select public.open_gate(%s, %s)", [key, reason])

    with refused("SECOND_FACTOR_NEEDED", 403):
        lift("aal1", "because")
    with refused("REASON_NEEDED", 422):
        lift("aal2", "  ")
    lift("aal2", "because")
    assert not desk.ledger.one("select closed from public.trading_gates where gate_key = %s", key)


@pytest.mark.parametrize("scope", SCOPES)
def test_gate_when_it_is_anothers_or_everybodys_then_a_person_cannot_find_it(ledger: Ledger, scope: str) -> None:
    here, there = Desk.open(ledger), Desk.open(ledger)
    for function in ("close_gate", "open_gate"):
        with refused("NO_SUCH_GATE", 404):
            ledger.call(function, "authenticated", there.user, p_gate_key=_gate(here, scope), p_reason="x")


def test_gate_when_there_is_none_of_that_name_then_refused(ledger: Ledger) -> None:
    with refused("NO_SUCH_GATE", 404):
        ledger.call("close_gate", "fn_risk", p_gate_key="account:nobody", p_reason="x")


def test_gates_when_closed_and_opened_by_eight_at_once_then_history_alternates(desk: Desk) -> None:
    key = f"account:{desk.account}"

    def lift(connection: Connection) -> None:
        connection.execute("select public.open_gate(%s, 'y')", [key])

    works = [calling("close_gate", "fn_risk", p_gate_key=key, p_reason="x"), lift] * 4
    assert set(desk.ledger.at_once(*answers(works))) == {"done"}
    actions = [
        action
        for (action,) in desk.ledger.rows(
            "select action from public.trading_halts where gate_key = %s order by id", key
        )
    ]
    assert actions == (["engaged", "lifted"] * len(actions))[: len(actions)]
