"""Who engages and lifts which halt, and what follows from it: the same by a call and by an edit in the Studio."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import become, refused
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, new_administrator, new_viewer, signed_in

SCOPES = ("global", "user", "account", "strategy")


def _engage(desk: Desk, how: str, scope: str = "account", mode: str = "no_new_entries", reason: str = "a test") -> None:
    """As an administrator: by an edit of the row in the Studio, or by a call from there."""
    key = desk.gate(scope)
    if how == "studio":
        desk.ledger.run(
            "update public.trading_gates set closed = true, mode = %s, reason = %s where gate_key = %s",
            mode,
            reason,
            key,
        )
    else:
        desk.ledger.run("select public.close_gate(%s, %s, %s)", key, reason, mode)


def _lift(desk: Desk, how: str, scope: str = "account", reason: str = "all is well") -> None:
    if how == "studio":
        edit = "update public.trading_gates set closed = false, reason = %s where gate_key = %s"
        desk.ledger.run(edit, reason, desk.gate(scope))
    else:
        desk.lift(scope, reason)


def _gate(desk: Desk, scope: str = "account") -> dict[str, Any]:
    found: dict[str, Any] = desk.ledger.one(
        "select to_jsonb(g) from public.trading_gates as g where gate_key = %s", desk.gate(scope)
    )
    return found


def _history(desk: Desk, scope: str = "account") -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        "select action, mode, reason, by_whom from public.trading_halts where gate_key = %s order by id",
        desk.gate(scope),
    )


def _events(desk: Desk, scope: str = "account") -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        "select type, data ->> 'mode', data ->> 'reason', data ->> 'scope_id' from private.outbox "
        "where topic = 'trade-controls' and key = %s order by id",
        desk.gate(scope),
    )


# --- the same, whichever way it was done ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "how"), [("global", "studio"), ("user", "call"), ("account", "studio"), ("strategy", "call")]
)
def test_halt_when_engaged_and_lifted_then_history_events_and_audit_tell_it(
    fresh_desk: Desk, scope: str, how: str
) -> None:
    _engage(fresh_desk, how, scope, "cancel_working")
    _lift(fresh_desk, how, scope)
    me = fresh_desk.ledger.one("select private.actor()")
    assert _history(fresh_desk, scope) == [
        ("engaged", "cancel_working", "a test", me),
        ("lifted", "cancel_working", "all is well", me),
    ]
    of = fresh_desk.gate(scope).partition(":")[2] or None
    assert _events(fresh_desk, scope) == [
        ("halt.engaged", "cancel_working", "a test", of),
        ("halt.lifted", "cancel_working", "all is well", of),
    ]
    audited = "select count(*) from public.audit_log where table_name = 'trading_gates' and row_id = %s"
    assert fresh_desk.ledger.one(f"{audited} and action = 'UPDATE'", fresh_desk.gate(scope)) == 2
    left = _gate(fresh_desk, scope)
    assert (left["closed"], left["mode"], left["reason"]) == (False, "no_new_entries", "")


@pytest.mark.parametrize(
    ("scope", "hit", "how"),
    [("global", 3, "call"), ("user", 3, "studio"), ("account", 3, "call"), ("strategy", 2, "studio")],
)
def test_cancel_working_when_engaged_then_every_entry_in_scope_goes_and_exits_stay(
    fresh_desk: Desk, scope: str, hit: int, how: str
) -> None:
    fresh_desk.hold("100")
    pending, working = fresh_desk.place(), fresh_desk.working(quantity="10")[0]
    by_hand = fresh_desk.place_by_hand("key")
    exit_trade, _ = fresh_desk.working("sell", "100", position_intent="sell_to_close", order_type="limit", price="90")
    _engage(fresh_desk, how, scope, "cancel_working")
    found = [fresh_desk.status(trade) for trade in (pending, working, by_hand)]
    assert found == ["canceled", "cancel_pending", "canceled" if hit == 3 else "pending"]
    assert fresh_desk.status(exit_trade) == "submitted"
    assert fresh_desk.position() == 100


def test_cancel_working_when_an_order_is_being_sent_then_the_wish_waits_for_it(desk: Desk) -> None:
    trade = desk.place()
    desk.approve(trade)
    desk.claim(trade)
    desk.close(mode="cancel_working")
    assert desk.status(trade) == "submitting"
    desk.submit(trade)
    assert desk.status(trade) == "cancel_pending"


def test_cancel_working_when_told_not_to_spare_exits_then_they_go_too(desk: Desk) -> None:
    desk.hold("100")
    exit_trade, _ = desk.working("sell", "100", position_intent="sell_to_close", order_type="limit", price="90")
    desk.close(mode="cancel_working")
    assert desk.status(exit_trade) == "submitted"
    assert desk.close(mode="cancel_working", p_spare_exits=False)["spare_exits"] is False
    assert desk.status(exit_trade) == "cancel_pending"


def test_cancel_working_when_of_another_scope_then_left_alone(desk: Desk) -> None:
    there = Desk.open(desk.ledger)
    theirs, _ = there.working()
    desk.close("user", "cancel_working")
    assert there.status(theirs) == "submitted"


# --- what cannot be done to a gate ------------------------------------------------------------------------------------


def test_studio_edit_when_it_forges_who_and_when_then_the_ledger_writes_its_own(desk: Desk) -> None:
    desk.ledger.run(
        "update public.trading_gates set closed = true, reason = 'x', changed_by = 'nobody', "
        "changed_at = '1999-01-01' where gate_key = %s",
        desk.gate(),
    )
    gate = _gate(desk)
    assert gate["changed_by"] == desk.ledger.one("select private.actor()")
    assert gate["changed_at"] > "2020"
    desk.ledger.run("update public.trading_gates set changed_by = 'nobody' where gate_key = %s", desk.gate())
    assert _gate(desk)["changed_by"] == gate["changed_by"]


@pytest.mark.parametrize(
    "edit",
    [
        "gate_key = 'account:another'",
        "user_id = gen_random_uuid()",
        "scope = 'strategy'",
        "broker_account_id = gen_random_uuid()",
        "needs_administrator = true",
    ],
)
def test_gate_when_what_it_is_the_gate_of_is_edited_then_refused(desk: Desk, edit: str) -> None:
    with refused("GATE_IS_FIXED", 409):
        desk.ledger.run(f"update public.trading_gates set {edit} where gate_key = %s", desk.gate())


def test_gate_when_inserted_or_deleted_by_hand_then_refused(desk: Desk) -> None:
    with refused("GATE_IS_FIXED", 409):
        desk.ledger.run(
            "insert into public.trading_gates (gate_key, scope, user_id) values ('user:' || %s, 'user', %s)",
            str(desk.strategy),
            desk.user,
        )
    for statement in ("delete from public.trading_gates", "truncate public.trading_gates cascade"):
        with refused("APPEND_ONLY", 409):
            desk.ledger.run(statement)


@pytest.mark.parametrize("edit", ["mode = 'cancel_working'", "spare_exits = true"])
def test_halt_when_weakened_in_the_studio_then_refused_and_stands(desk: Desk, edit: str) -> None:
    desk.close(mode="flatten", p_spare_exits=False)
    with refused("HALT_NOT_WEAKENED", 409):
        desk.ledger.run(f"update public.trading_gates set {edit} where gate_key = %s", desk.gate())
    assert (_gate(desk)["mode"], _gate(desk)["spare_exits"]) == ("flatten", False)


def test_halt_when_engaged_again_more_gently_by_call_then_the_answer_says_what_is_in_force(desk: Desk) -> None:
    desk.close(mode="flatten")
    assert desk.close(mode="no_new_entries")["mode"] == "flatten"
    assert len(_history(desk)) == 1


@pytest.mark.parametrize("reason", ["", "   ", "a test"])
@pytest.mark.parametrize("how", ["studio", "call"])
def test_halt_when_lifted_without_a_reason_of_its_own_then_refused_and_stays(desk: Desk, how: str, reason: str) -> None:
    """A switch flipped in the Studio leaves the reason of the halt standing there: that is none for lifting it."""
    _engage(desk, how)
    with refused("REASON_NEEDED", 422):
        _lift(desk, how, reason=reason)
    assert _gate(desk)["closed"]


def test_halt_when_engaged_by_one_click_then_a_reason_is_not_asked_for(desk: Desk) -> None:
    desk.ledger.call("close_gate", "authenticated", desk.user, p_gate_key=desk.gate())
    assert (_gate(desk)["closed"], _gate(desk)["reason"]) == (True, "no reason given")


@pytest.mark.parametrize("mode", ["gentle", None, ""])
def test_halt_when_its_mode_is_none_then_refused(desk: Desk, mode: str | None) -> None:
    with refused("BAD_MODE", 422):
        desk.ledger.call("close_gate", "fn_risk", p_gate_key=desk.gate(), p_reason="x", p_mode=mode)


# --- who lifts which halt ---------------------------------------------------------------------------------------------


def _lift_as(desk: Desk, user: UUID, aal: str = "aal2", scope: str = "account", **claims: Any) -> None:
    with desk.ledger.session() as connection:
        become(connection, "authenticated", user, aal=aal, **claims)
        connection.execute("select public.open_gate(%s, 'because')", [desk.gate(scope)])


@pytest.mark.parametrize("by", ["owner", "rule"])
def test_halt_when_its_owner_or_a_rule_engaged_it_then_the_owner_lifts_it_with_a_second_factor(
    desk: Desk, by: str
) -> None:
    if by == "owner":
        desk.ledger.call("close_gate", "authenticated", desk.user, p_gate_key=desk.gate(), p_reason="lunch")
    else:
        desk.close()
    with refused("SECOND_FACTOR_NEEDED", 403):
        _lift_as(desk, desk.user, "aal1")
    _lift_as(desk, desk.user)
    assert not _gate(desk)["closed"]


@pytest.mark.parametrize("how", ["studio", "call"])
@pytest.mark.parametrize("first", [None, "owner", "rule"])
def test_halt_when_an_administrator_engaged_it_too_then_its_owner_does_not_lift_it(
    desk: Desk, first: str | None, how: str
) -> None:
    """Closing it first oneself gains nothing."""
    if first == "owner":
        desk.ledger.call("close_gate", "authenticated", desk.user, p_gate_key=desk.gate(), p_reason="mine")
    elif first == "rule":
        desk.close()
    _engage(desk, how, reason="the desk says so")
    with refused("ADMINISTRATOR_NEEDED", 403):
        _lift_as(desk, desk.user)
    desk.close(mode="flatten")  # A rule makes it harder: it stays the administrator's.
    with refused("ADMINISTRATOR_NEEDED", 403):
        _lift_as(desk, desk.user)
    desk.lift()


def test_halt_when_an_administrator_signed_in_with_the_claim_then_lifts_any(fresh_desk: Desk) -> None:
    administrator = new_administrator(fresh_desk.ledger)
    for scope in SCOPES:
        _engage(fresh_desk, "studio", scope)
        with signed_in(fresh_desk.ledger, administrator, **CLAIM) as connection, refused("SECOND_FACTOR_NEEDED", 403):
            connection.execute("select public.open_gate(%s, 'because')", [fresh_desk.gate(scope)])
        assert _gate(fresh_desk, scope)["closed"]
        with signed_in(fresh_desk.ledger, administrator, **CLAIM, **SECOND_FACTOR) as connection:
            connection.execute("select public.open_gate(%s, 'because')", [fresh_desk.gate(scope)])
        assert not _gate(fresh_desk, scope)["closed"]
        with signed_in(fresh_desk.ledger, administrator, **CLAIM) as connection:
            connection.execute("select public.close_gate(%s, 'again')", [fresh_desk.gate(scope)])
        assert _gate(fresh_desk, scope)["needs_administrator"]


def test_halt_when_the_claim_is_forged_without_the_row_then_it_is_a_strangers(desk: Desk) -> None:
    stranger = Desk.open(desk.ledger)
    desk.close()
    with refused("NO_SUCH_GATE", 404), signed_in(desk.ledger, stranger.user, **CLAIM) as connection:
        connection.execute("select public.open_gate(%s, 'because')", [desk.gate()])


@pytest.mark.parametrize("role", ["fn_risk", "fn_execute", "fn_api", "fn_relay", "anon", "service_role"])
def test_halt_when_a_function_would_lift_it_then_it_may_not(desk: Desk, role: str) -> None:
    desk.close()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.ledger.call("open_gate", role, p_gate_key=desk.gate(), p_reason="because")


@pytest.mark.parametrize("role", ["authenticated", "anon", "fn_risk", "fn_api", "service_role"])
def test_gate_when_a_client_edits_the_row_then_it_may_not(desk: Desk, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.ledger.run_as(
            role, desk.user, "update public.trading_gates set closed = false where user_id = %s", desk.user
        )


def test_viewer_when_they_would_close_place_or_cancel_then_refused(desk: Desk) -> None:
    working, _ = desk.working()
    viewer = new_viewer(desk.ledger, f"desk of {desk.user}", desk.user)
    for function, arguments in (
        ("close_gate", {"p_gate_key": f"user:{viewer}"}),
        ("request_cancel", {"p_trade_id": working, "p_reason": "x"}),
        ("place_trade", {"p_order": {"idempotency_key": "x", "broker_account_id": str(desk.account), "symbol": "SPY"}}),
    ):
        with pytest.raises(psycopg.Error) as error:
            desk.ledger.call(function, "authenticated", viewer, **arguments)
        assert error.value.sqlstate in ("PT403", "PT404"), function  # Another's trade need not be told of at all.
    assert desk.status(working) == "submitted"
