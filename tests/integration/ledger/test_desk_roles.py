"""Traders and viewers: a viewer reads the desk and writes nothing; who is shut out does neither."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.ledger.desk import Desk, found_valid, new_account, new_user, order_of
from tests.integration.ledger.ledger import Connection, Ledger, refused
from tests.integration.ledger.people import ask, new_administrator, new_viewer, signed_in
from tests.security.expectations import CALLERS, INSERTABLE, UPDATABLE


def _rows(ledger: Ledger, user: UUID, table: str) -> set[UUID]:
    with signed_in(ledger, user) as connection:
        return {owner for (owner,) in connection.execute(f"select user_id from public.{table}".encode()).fetchall()}


def _is_told_of(ledger: Ledger, user: UUID, topic: str) -> bool:
    claims = Jsonb({"role": "authenticated", "sub": str(user)})
    found = ledger.one("select realtime._permissions(%s, 'authenticated', %s)", topic, claims)
    return bool(found["broadcast"]["read"])


def test_viewer_when_on_a_desk_then_reads_its_traders_and_nobody_else(ledger: Ledger) -> None:
    one, two, stranger = Desk.open(ledger), Desk.open(ledger), Desk.open(ledger)
    viewer = new_viewer(ledger, f"desk {uuid4()}", one.user, two.user)
    for table in ("trades", "strategies", "broker_accounts"):
        one.place()
        two.place()
        stranger.place()
        assert _rows(ledger, viewer, table) == {one.user, two.user}, table
        assert _rows(ledger, one.user, table) == {one.user}, "a trader reads their own rows only"
    assert _rows(ledger, viewer, "profiles") == {viewer, one.user, two.user}
    assert _is_told_of(ledger, viewer, f"user:{one.user}")
    assert not _is_told_of(ledger, viewer, f"user:{stranger.user}")
    assert not _is_told_of(ledger, one.user, f"user:{two.user}")
    assert not _is_told_of(ledger, one.user, f"user:{viewer}")


def test_viewer_when_moved_to_no_desk_or_another_then_reads_the_old_one_no_more(ledger: Ledger) -> None:
    trader = Desk.open(ledger)
    viewer = new_viewer(ledger, f"desk {uuid4()}", trader.user)
    assert _rows(ledger, viewer, "strategies") == {trader.user}
    for desk in (f"desk {uuid4()}", None):
        ledger.run("select public.set_desk(%s, %s, 'viewer')", str(viewer), desk)
        assert _rows(ledger, viewer, "strategies") == set()
        assert not _is_told_of(ledger, viewer, f"user:{trader.user}")


def test_viewer_when_two_on_a_desk_then_neither_reads_the_other(ledger: Ledger) -> None:
    desk = f"desk {uuid4()}"
    one, two = new_viewer(ledger, desk), new_viewer(ledger, desk)
    assert (_rows(ledger, one, "profiles"), _rows(ledger, two, "profiles")) == ({one}, {two})


def _calls(desk: Desk) -> dict[str, dict[str, Any]]:
    """A call of each function that a person may call, which would change something were it heard."""
    trade = desk.place()
    order = order_of() | {"idempotency_key": str(uuid4()), "broker_account_id": str(desk.account)}
    idle = desk.ledger.one(
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        "values (%s, %s, %s, 'by_hand', '{SPY}') returning id",
        desk.user,
        desk.account,
        str(uuid4()),
    )
    found_valid(desk.ledger, idle)
    desk.hold("5")
    next_year = datetime.now(UTC) + timedelta(days=365)
    exits = {"p_account_id": desk.account, "p_symbol": "SPY", "p_strategy_id": desk.strategy}
    with signed_in(desk.ledger, desk.user) as connection:
        key = ask(connection, "create_api_key", p_name="k", p_scopes=["read"], p_expires_at=next_year)
        ask(connection, "begin_request", p_operation="op", p_key="k", p_request_hash="h")
        exit_id = ask(connection, "set_position_exit", **exits, p_exit=Jsonb({"stop_price": "50"}))
    limit = {"p_name": "position_limit", "p_value": "7", "p_unit": "shares or contracts"}
    desk.ledger.call("close_gate", "fn_risk", p_gate_key=f"account:{desk.account}", p_reason="to be lifted")
    return {
        "abandon_request": {"p_operation": "op", "p_key": "k", "p_request_hash": "h"},
        "activate_strategy": {"p_strategy_id": idle},
        "begin_request": {"p_operation": "op", "p_key": "another", "p_request_hash": "h"},
        "cancel_position_exit": {"p_exit_id": exit_id},
        "create_api_key": {"p_name": "another", "p_scopes": ["read"], "p_expires_at": next_year},
        "finish_request": {"p_operation": "op", "p_key": "k", "p_response": Jsonb({})},
        "revoke_api_key": {"p_api_key_id": key["api_key_id"]},
        "set_position_exit": exits | {"p_exit": Jsonb({"stop_price": "51"})},
        "close_gate": {"p_gate_key": f"strategy:{desk.strategy}", "p_reason": "no"},
        "deactivate_strategy": {"p_strategy_id": desk.strategy},
        "delete_strategy": {"p_strategy_id": idle},
        "open_gate": {"p_gate_key": f"account:{desk.account}", "p_reason": "no"},
        "place_trade": {"p_order": Jsonb(order | {"broker_account_id": str(new_account(desk.ledger, desk.user))})},
        "request_cancel": {"p_trade_id": trade, "p_reason": "no"},
        "set_limit": {"p_scope": "account", "p_scope_id": desk.account} | limit,
    }


def _writings(desk: Desk) -> dict[str, Callable[[Connection], object]]:
    """Every path by which a person writes: each function, each table they may insert into or update."""
    calls = _calls(desk)
    # Whatever is not here yet writes to tables, and each of those refuses: tests/security/test_grants.py.
    assert set(calls) <= {n for n, roles in CALLERS.items() if "authenticated" in roles}
    paths: dict[str, Callable[[Connection], object]] = {
        name: lambda c, n=name, said=said: ask(c, n, **said)  # type: ignore[misc]
        for name, said in calls.items()
    }
    for table, columns in UPDATABLE.items():
        assignments = ", ".join(f"{column} = {column}" for column in sorted(columns))
        paths[f"update {table}"] = lambda c, t=table, a=assignments: c.execute(  # type: ignore[misc]
            f"update public.{t} set {a}".encode()
        )
    for table, columns in INSERTABLE.items():
        names = ", ".join(sorted(columns))
        paths[f"insert {table}"] = lambda c, t=table, n=names: c.execute(  # type: ignore[misc]
            f"insert into public.{t} ({n}) select {n} from public.{t}".encode()
        )
    return paths


def test_viewer_when_writing_by_any_path_then_refused_and_a_trader_is_not(ledger: Ledger) -> None:
    desk = Desk.open(ledger)
    paths = _writings(desk)
    second_factor = {"aal": "aal2"}
    for name, write in paths.items():
        # The same call by the same person as a trader is heard: else the refusal below would prove nothing.
        with signed_in(ledger, desk.user, **second_factor) as connection:
            try:
                write(connection)
            except psycopg.Error as error:
                # Heard, where there is such a row already.
                if not name.startswith("insert") or error.sqlstate not in ("23505", "PT409"):
                    raise
            connection.rollback()
    ledger.run("update public.strategies set status = 'inactive' where user_id = %s and status = 'active'", desk.user)
    ledger.run("update public.profiles set desk_role = 'viewer' where user_id = %s", desk.user)
    unheard = {"deactivate_strategy"}  # it is inactive already: nothing to write
    for name, write in paths.items():
        if name in unheard:
            continue
        with signed_in(ledger, desk.user, **second_factor) as connection:
            with refused("READ_ONLY_ROLE", 403):
                write(connection)
            connection.rollback()
    ledger.run(
        "update public.profiles set desk_role = 'trader', disabled = true, disabled_reason = 'test' where user_id = %s",
        desk.user,
    )
    for name, write in paths.items():
        if name in unheard | {"request_cancel"}:  # shutting out has canceled the order
            continue
        with signed_in(ledger, desk.user, **second_factor) as connection:
            with refused("USER_DISABLED", 403):
                write(connection)
            connection.rollback()


def test_profile_when_its_owner_makes_themselves_more_then_not_allowed(ledger: Ledger) -> None:
    trader = Desk.open(ledger)
    viewer = new_viewer(ledger, f"desk {uuid4()}", trader.user)
    for column, value in (
        ("desk_role", "'trader'"),
        ("desk_id", "null"),
        ("disabled", "false"),
        ("disabled_reason", "null"),
        ("user_id", f"'{trader.user}'"),
    ):
        for person in (viewer, trader.user):
            with signed_in(ledger, person) as connection:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"update public.profiles set {column} = {value}".encode())
                connection.rollback()


def test_viewer_when_administrator_too_then_does_an_administrators_work(ledger: Ledger) -> None:
    administrator = new_administrator(ledger)
    ledger.run("select public.set_desk(%s, 'lookers', 'viewer')", str(administrator))
    claims = {"aal": "aal2", "app_metadata": {"administrator": True}}
    with signed_in(ledger, administrator, **claims) as connection:
        ask(connection, "set_desk", p_user=str(new_user(ledger)), p_desk="lookers")


def test_role_when_a_trader_with_strategies_at_work_becomes_viewer_then_refused(ledger: Ledger) -> None:
    with refused("STILL_TRADES", 409):
        ledger.run("select public.set_desk(%s, 'lookers', 'viewer')", str(Desk.open(ledger).user))
