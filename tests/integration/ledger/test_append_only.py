"""What is on record stays: neither a role nor the database's owner changes, deletes or truncates it unnoticed."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

import psycopg
import pytest

from tests.integration.ledger.desk import Desk, fill_every_table
from tests.integration.ledger.ledger import Ledger, refused
from tests.security.expectations import ROLES

APPEND_ONLY = {
    "account_snapshots",
    "audit_log",
    "backtest_trials",
    "broker_account_rules",
    "broker_activities",
    "cash_movements",
    "daily_pnl_report_details",
    "daily_pnl_report_versions",
    "deliveries",
    "fill_aliases",
    "fills",
    "limit_breaches",
    "live_confirmations",
    "lot_closings",
    "order_attempts",
    "position_adjustment_shares",
    "position_adjustments",
    "risk_decisions",
    "strategy_decisions",
    "strategy_versions",
    "trade_transitions",
    "trading_halts",
}
"""Written once. An attempt is completed once, by its outcome; an activity is applied once."""
NEVER_DELETED = {
    "alerts",
    "api_keys",
    "automation_sources",
    "backfills",
    "backtests",
    "blackout_dates",
    "broker_accounts",
    "broker_positions",
    "daily_pnl_reports",
    "dead_letters",
    "exercises",
    "position_books",
    "position_exits",
    "position_lots",
    "private.administrators",
    "private.audit_heads",
    "private.desks",
    "private.disablements",
    "private.invitations",
    "profiles",
    "reconciliation_breaks",
    "reconciliation_runs",
    "risk_limits",
    "scope_results",
    "sealing_keys",
    "strategies",
    "strategy_deactivations",
    "strategy_positions",
    "strategy_silences",
    "strategy_validations",
    "trade_legs",
    "trade_notes",
    "trades",
    "trading_gates",
    "watchlists",
    "webhook_endpoints",
}
"""Rows that change, and never go."""
GUARDS = ("apply_once", "forbid_change", "complete_attempt_once", "guard_decision")


@pytest.fixture(scope="module")
def busy(ledger: Ledger) -> Desk:
    """A desk with rows in the tables of a trade's life."""
    desk = Desk.open(ledger)
    fill_every_table(desk)
    return desk


def _guarded(ledger: Ledger, event_bits: int) -> set[str]:
    """Tables with an enabled BEFORE trigger of a guard for all of the events: 8 delete, 16 update, 32 truncate."""
    rows = ledger.rows(
        "select n.nspname || '.' || c.relname from pg_trigger as t join pg_class as c on c.oid = t.tgrelid "
        "join pg_namespace as n on n.oid = c.relnamespace join pg_proc as p on p.oid = t.tgfoid "
        "where p.proname = any (%s) and t.tgtype & 2 = 2 and t.tgtype & %s = %s and t.tgenabled = 'O' "
        "and (t.tgtype & 1 = 1 or t.tgtype & 32 = 32) and t.tgname not like 'z\\_audit%%'",
        list(GUARDS),
        event_bits,
        event_bits,
    )
    return {name.removeprefix("public.") for (name,) in rows}


def test_guards_when_listed_then_these_tables_have_them_and_a_new_one_is_named_here(ledger: Ledger) -> None:
    assert _guarded(ledger, 8 + 16) == APPEND_ONLY
    assert _guarded(ledger, 8) == APPEND_ONLY | NEVER_DELETED
    assert _guarded(ledger, 32) == APPEND_ONLY | NEVER_DELETED


@pytest.mark.parametrize("table", sorted(APPEND_ONLY | NEVER_DELETED))
def test_table_when_the_owner_of_the_database_attacks_it_then_refused(busy: Desk, table: str) -> None:
    """A row trigger needs a row: where the desk made none, the list above and TRUNCATE are the test."""
    before = busy.ledger.one(f"select count(*) from {table}")
    attacks = [f"truncate {table} cascade"] + ([f"delete from {table}"] if before else [])
    if table in APPEND_ONLY:
        column = busy.ledger.one(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
            "and attidentity = '' order by attnum limit 1",
            table,
        )
        attacks += [f"update {table} set {column} = {column}"] if before else []
    for attack in attacks:
        with refused("APPEND_ONLY", 409):
            busy.ledger.run(attack)
    assert busy.ledger.one(f"select count(*) from {table}") == before


def test_rights_when_listed_then_no_role_at_all_may_change_or_delete(ledger: Ledger) -> None:
    """Every table x every role, also PUBLIC and service_role; a grant on one column counts."""
    held = ledger.rows(
        "select t, r, p from unnest(%s::text[]) as t cross join unnest(%s::text[] || '{public}') as r "
        "cross join unnest('{update,delete,truncate}'::text[]) as p "
        "where (p <> 'update' or t = any (%s)) and (has_table_privilege(r, t::regclass, p) "
        "or case when p = 'update' then has_any_column_privilege(r, t::regclass, p) end)",
        sorted(APPEND_ONLY | NEVER_DELETED),
        list(ROLES),
        sorted(APPEND_ONLY),
    )
    assert held == []


@pytest.mark.parametrize("role", ROLES)
def test_row_when_a_role_changes_or_deletes_it_then_not_allowed(busy: Desk, role: str) -> None:
    attacks = [
        f"{verb} {table}" for table in sorted(APPEND_ONLY | NEVER_DELETED) for verb in ("delete from", "truncate")
    ]
    attacks += [f"update {table} set user_id = user_id" for table in sorted(APPEND_ONLY)]
    for attack in attacks:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            busy.ledger.run_as(role, busy.user, attack)


def test_attempt_when_completed_then_once_only(busy: Desk) -> None:
    trade = busy.ledger.one("select trade_id from public.order_attempts where user_id = %s limit 1", busy.user)
    with refused("APPEND_ONLY", 409):
        busy.ledger.run("update public.order_attempts set outcome = 'rejected' where trade_id = %s", trade)


def test_user_when_they_have_rows_then_cannot_be_deleted(busy: Desk) -> None:
    with pytest.raises(psycopg.IntegrityError):
        busy.ledger.run("delete from auth.users where id = %s", busy.user)
