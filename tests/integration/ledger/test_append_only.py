"""What is on record stays: neither a role nor the database's owner changes, deletes or truncates it unnoticed."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

import psycopg
import pytest

from tests.integration.ledger.desk import Desk, fill_every_table
from tests.integration.ledger.ledger import Ledger, refused

APPEND_ONLY = {
    "account_snapshots",
    "audit_log",
    "daily_pnl_report_versions",
    "fill_aliases",
    "fills",
    "order_attempts",
    "risk_decisions",
    "strategy_decisions",
    "strategy_versions",
    "trade_transitions",
    "trading_halts",
}
NEVER_DELETED = {
    "broker_accounts",
    "daily_pnl_reports",
    "position_books",
    "profiles",
    "risk_limits",
    "strategies",
    "strategy_positions",
    "trade_legs",
    "trades",
    "trading_gates",
}
ROLES = ("anon", "authenticated", "service_role", "fn_ingest", "fn_strategy", "fn_risk", "fn_execute", "fn_report")


@pytest.fixture(scope="module")
def busy(ledger: Ledger) -> Desk:
    """A desk with at least one row in every table of the two lists."""
    desk = Desk.open(ledger)
    fill_every_table(desk)
    return desk


@pytest.mark.parametrize("table", sorted(APPEND_ONLY | NEVER_DELETED))
def test_row_when_the_owner_of_the_database_deletes_it_then_refused(busy: Desk, table: str) -> None:
    before = busy.count(table)
    assert before > 0
    with refused("APPEND_ONLY", 409):
        busy.ledger.run(f"delete from public.{table}")
    with refused("APPEND_ONLY", 409):
        busy.ledger.run(f"truncate public.{table} cascade")
    assert busy.count(table) == before


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
def test_row_when_the_owner_of_the_database_changes_it_then_refused(busy: Desk, table: str) -> None:
    column = busy.ledger.one(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
        "and attidentity = '' order by attnum limit 1",
        f"public.{table}",
    )
    with refused("APPEND_ONLY", 409):
        busy.ledger.run(f"update public.{table} set {column} = {column}")


@pytest.mark.parametrize("role", ROLES)
def test_row_when_a_role_changes_or_deletes_it_then_not_allowed(busy: Desk, role: str) -> None:
    attacks = [f"delete from public.{table}" for table in sorted(APPEND_ONLY | NEVER_DELETED)]
    attacks += [f"truncate public.{table}" for table in sorted(APPEND_ONLY | NEVER_DELETED)]
    attacks += [f"update public.{table} set user_id = user_id" for table in sorted(APPEND_ONLY)]
    for attack in attacks:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            busy.ledger.run_as(role, busy.user, attack)


def test_tables_when_a_new_one_has_the_trigger_then_it_is_tested_here(ledger: Ledger) -> None:
    tables = ledger.rows(
        "select distinct t.tgrelid::regclass::text, t.tgname::text from pg_trigger as t join pg_proc as p "
        "on p.oid = t.tgfoid join pg_class as c on c.oid = t.tgrelid where c.relnamespace = 'public'::regnamespace "
        "and p.proname in ('forbid_change', 'complete_attempt_once')"
    )
    protected = {name for name, trigger in tables if trigger in ("append_only", "complete_once")}
    assert protected == APPEND_ONLY
    assert {name for name, trigger in tables if trigger == "never_deleted"} == NEVER_DELETED
    truncate = {name for name, trigger in tables if trigger in ("append_only_truncate", "never_truncated")}
    assert truncate == APPEND_ONLY | NEVER_DELETED


def test_attempt_when_completed_then_once_only(busy: Desk) -> None:
    trade = busy.ledger.one("select trade_id from public.order_attempts where user_id = %s limit 1", busy.user)
    with refused("APPEND_ONLY", 409):
        busy.ledger.run("update public.order_attempts set outcome = 'rejected' where trade_id = %s", trade)


def test_user_when_they_have_rows_then_cannot_be_deleted(busy: Desk) -> None:
    with pytest.raises(psycopg.IntegrityError):
        busy.ledger.run("delete from auth.users where id = %s", busy.user)
