"""A user is shut out: at once, wholly, and so that it can be undone; by the function and by an edit alike."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.integration.ledger.desk import Desk, new_account, new_strategy, order_of
from tests.integration.ledger.ledger import Connection, Ledger, answers, call, refused
from tests.integration.ledger.people import as_administrator, new_administrator, signed_in
from tests.integration.ledger.sealed import register, store


def _by_function(ledger: Ledger, user: UUID) -> None:
    as_administrator(ledger, new_administrator(ledger), "disable_user", p_user=str(user), p_reason="left")


def _by_edit(ledger: Ledger, user: UUID) -> None:
    ledger.run("update public.profiles set disabled = true, disabled_reason = 'left' where user_id = %s", user)


def _sign_in(ledger: Ledger, user: UUID) -> None:
    session = uuid4()
    ledger.run("insert into auth.sessions (id, user_id) values (%s, %s)", session, user)
    ledger.run(
        "insert into auth.refresh_tokens (id, token, user_id, session_id) values (%s, %s, %s, %s)",
        str(uuid4()),
        str(uuid4()),
        user,
        session,
    )


@pytest.mark.parametrize("disable", [_by_function, _by_edit])
def test_user_when_disabled_then_stopped_everywhere_and_what_is_held_can_still_be_closed(
    ledger: Ledger, disable: Callable[[Ledger, UUID], None]
) -> None:
    desk = Desk.open(ledger)
    desk.hold("100")
    exit_order = desk.place_exit("sell", "40")
    pending, (working, order) = desk.place(quantity="1"), desk.working(quantity="2")
    _sign_in(ledger, desk.user)
    disable(ledger, desk.user)
    assert (desk.status(pending), desk.status(working)) == ("canceled", "cancel_pending")
    assert desk.status(exit_order) == "pending", "an exit goes on"
    assert ledger.rows(
        "select s.status, g.closed, g.mode from public.strategies as s join public.trading_gates as g "
        "on g.gate_key = 'user:' || s.user_id where s.user_id = %s",
        desk.user,
    ) == [("inactive", True, "cancel_working")]
    for table in ("auth.sessions", "auth.refresh_tokens"):
        assert ledger.one(f"select count(*) from {table} where user_id = %s", desk.user) == 0
    assert ledger.one("select banned_until > now() + interval '50 years' from auth.users where id = %s", desk.user)
    # The token from before lives on, and reads nothing.
    with signed_in(ledger, desk.user) as connection:
        for table in ("trades", "positions", "profiles", "trading_gates", "instruments", "strategy_kinds"):
            assert connection.execute(f"select count(*) from public.{table}".encode()).fetchone() == (0,), table
    assert desk.approve(exit_order) == "approved"
    assert desk.claim(exit_order)["claimed"]
    desk.fill(desk.submit(exit_order), "40", "100", side="sell")
    assert desk.position() == 60, "nothing is deleted, and the books go on"
    desk.update(order, "canceled")
    assert desk.status(working) == "canceled"


def test_user_when_enabled_again_then_reads_and_trades_and_starts_their_strategies_themselves(ledger: Ledger) -> None:
    desk = Desk.open(ledger)
    _by_edit(ledger, desk.user)
    as_administrator(ledger, new_administrator(ledger), "enable_user", p_user=str(desk.user))
    assert ledger.rows(
        "select p.disabled, p.disabled_reason, p.disabled_at, u.banned_until, g.closed from public.profiles as p "
        "join auth.users as u on u.id = p.user_id join public.trading_gates as g on g.gate_key = 'user:' || p.user_id "
        "where p.user_id = %s",
        desk.user,
    ) == [(False, None, None, None, False)]
    assert ledger.one("select status from public.strategies where id = %s", desk.strategy) == "inactive"
    assert desk.status(desk.place_by_hand("after")) == "pending"
    by = ledger.rows(
        "select reason, enabled_by like 'user:%%', deactivated_strategies from private.disablements where user_id = %s",
        desk.user,
    )
    assert by == [("left", True, [desk.strategy])]


@pytest.mark.parametrize("disable", [_by_function, _by_edit])
def test_user_when_disabled_then_credentials_are_wiped_where_nothing_is_open_and_kept_for_exits_until_then(
    ledger: Ledger, disable: Callable[[Ledger, UUID], None]
) -> None:
    flat = Desk.open(ledger)
    holding = Desk(
        ledger, flat.user, account := new_account(ledger, flat.user), new_strategy(ledger, flat.user, account)
    )
    holding.hold("100")
    exit_order = holding.place_exit("sell", "100")
    pair, data = register(ledger), register(ledger, "data")
    for desk in (flat, holding):
        store(desk, pair)
        store(desk, data, "data")
    disable(ledger, flat.user)
    held = "select broker_account_id, count(*) from private.broker_credentials where user_id = %s group by 1"
    assert ledger.rows(held, flat.user) == [(holding.account, 2)]
    assert ledger.one("select trading_entered_at from public.broker_accounts where id = %s", flat.account) is None
    again = "select public.disable_user(%s, 'again') -> 'accounts_with_credentials'"
    assert ledger.one(again, str(flat.user)) == [str(holding.account)]
    assert holding.approve(exit_order) == "approved"
    assert holding.claim(exit_order)["claimed"]
    holding.fill(holding.submit(exit_order), "100", "100", side="sell")
    assert ledger.one(again, str(flat.user)) == []
    assert ledger.rows(held, flat.user) == []
    ledger.run("select public.enable_user(%s)", str(flat.user))
    assert store(flat, pair)["version"] == 1


def test_user_when_halted_before_then_still_halted_after(ledger: Ledger) -> None:
    desk = Desk.open(ledger)
    ledger.call("close_gate", "fn_risk", p_gate_key=f"user:{desk.user}", p_reason="a loss")
    _by_edit(ledger, desk.user)
    ledger.run("update public.profiles set disabled = false where user_id = %s", desk.user)
    assert desk.halted("user")


def test_user_when_disabled_without_a_reason_or_twice_then_refused_or_the_same(ledger: Ledger) -> None:
    desk = Desk.open(ledger)
    for reason in (None, " "):
        with refused("REASON_NEEDED", 422):
            ledger.run("select public.disable_user(%s, %s)", str(desk.user), reason)
    first = ledger.one("select public.disable_user(%s, 'left')", str(desk.user))
    assert ledger.one("select public.disable_user(%s, 'again')", str(desk.user)) == first
    with refused("NO_SUCH_USER", 404):
        ledger.run("select public.disable_user('nobody@example.com', 'left')")


def test_disable_when_orders_are_placed_at_the_same_moment_then_none_is_left_working(ledger: Ledger) -> None:
    """The gates are locked before the profile: no deadlock, and no order slips in between."""
    for _ in range(5):
        desk = Desk.open(ledger)

        def place(connection: Connection, desk: Desk = desk) -> None:
            order = order_of(quantity="1") | {"idempotency_key": str(uuid4()), "broker_account_id": str(desk.account)}
            call(connection, "place_trade", "authenticated", desk.user, p_order=order)

        def disable(connection: Connection, desk: Desk = desk) -> None:
            connection.execute("select public.disable_user(%s, 'left')", [str(desk.user)])

        done = ledger.at_once(*answers([place, place, disable, place, place]))
        assert set(done) <= {"done", "GATE_CLOSED", "USER_DISABLED"}
        assert done[2] == "done"
        assert (
            ledger.one("select count(*) from public.trades where user_id = %s and status <> 'canceled'", desk.user) == 0
        )
