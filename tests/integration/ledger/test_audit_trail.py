"""What the audit trail holds: which tables, by whom, before and after, and nothing that has to stay secret."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.ledger.desk import Desk, new_account, new_user
from tests.integration.ledger.ledger import Connection, Ledger, become, refused

AUDITED = {
    "api_keys",
    "automation_sources",
    "blackout_dates",
    "broker_accounts",
    "daily_pnl_reports",
    "live_confirmations",
    "dead_letters",
    "exercises",
    "position_exits",
    "private.actor_declarations",
    "private.administrators",
    "private.broker_credentials",
    "private.desks",
    "private.disablements",
    "private.invitations",
    "private.settings",
    "private.trade_arrows",
    "profiles",
    "reconciliation_breaks",
    "risk_limits",
    "sealing_keys",
    "strategies",
    "strategy_deactivations",
    "strategy_kinds",
    "strategy_validations",
    "trade_notes",
    "trades",
    "trading_gates",
    "trading_halts",
    "webhook_endpoints",
}
"""Configuration and decisions of people: every change is a link of the chain."""
NOT_AUDITED = {
    "account_snapshots": "what the broker said, append-only",
    "alerts": "says itself who acknowledged it",
    "archived_months": "what the archive holds of market data",
    "audit_log": "is the trail",
    "backfills": "says itself who asked for it and how it went",
    "backtest_trials": "results, append-only",
    "backtests": "results",
    "bars": "market data",
    "broker_account_rules": "what the broker said, append-only",
    "broker_activities": "what the broker said; applied once",
    "broker_positions": "what the broker last said",
    "cash_movements": "what the broker said, append-only",
    "corporate_actions": "what its source said; nothing is deleted",
    "daily_pnl_report_details": "append-only part of an audited row",
    "daily_pnl_report_versions": "append-only copy of an audited row",
    "data_findings": "what was found in market data",
    "deliveries": "what came in, append-only",
    "delivery_counts": "machines",
    "fill_aliases": "what the broker said, append-only",
    "fills": "what the broker said, append-only; the trade that it moves is audited",
    "heartbeats": "machines",
    "idempotency_keys": "machines",
    "instruments": "reference data, with its source",
    "limit_breaches": "append-only; the limit, and the gate that it closes, are audited",
    "lot_closings": "derived from fills and adjustments, append-only",
    "market_calendar": "reference data, with its source",
    "option_chain_snapshots": "market data",
    "option_contracts": "reference data, with its source",
    "option_quotes_latest": "market data",
    "order_attempts": "completed once; the trade that it moves is audited",
    "position_adjustment_shares": "derived from fills and adjustments, append-only",
    "position_adjustments": "append-only",
    "position_books": "the sum of the fills",
    "position_lots": "the sum of fills and adjustments",
    "position_marks": "market data",
    "private.api_key_hashes": "made with its key, which is audited",
    "private.audit_heads": "is the trail",
    "private.automation_secrets": "secrets; when they changed stands on their source, which is audited",
    "private.dashboard_watches": "what open dashboards look at",
    "private.exit_plans": "what entries have planned, which are audited",
    "private.inbox": "machines",
    "private.oco_groups": "machines",
    "private.option_chain_lists": "market data",
    "private.order_rounds": "a count of approvals, which are audited",
    "private.outbox": "machines",
    "private.rate_limits": "machines",
    "private.stray_orders": "what the broker said",
    "private.stream_cursors": "machines",
    "private.tape_time": "the clock of a replay on one machine",
    "private.webhook_secrets": "changes with its webhook, which is audited",
    "quotes_latest": "market data",
    "reconciliation_runs": "append-only",
    "risk_limit_kinds": "made from the code",
    "risk_decisions": "verdicts of rules, append-only",
    "scope_results": "derived from positions and marks",
    "strategy_cursors": "machines",
    "strategy_decisions": "decisions of strategies, append-only",
    "strategy_positions": "the sum of the fills",
    "strategy_silences": "what the watch saw",
    "strategy_versions": "append-only copy of an audited row",
    "trade_legs": "moves with its trade",
    "trade_transitions": "append-only",
    "watchlists": "what its owner looks at",
    "webhook_deliveries": "machines",
}
"""Every other table, with the reason."""


@pytest.fixture
def maria(ledger: Ledger) -> dict[str, str]:
    """The claims of an administrator."""
    user = new_user(ledger)
    ledger.run("insert into private.administrators (user_id, reason) values (%s, 'a test')", user)
    return {"role": "authenticated", "sub": str(user), "app_metadata": {"administrator": True}}  # type: ignore[dict-item]


def _links(desk: Desk, table: str, row: object) -> list[tuple[Any, ...]]:
    """(actor, action, before, after) of a row, oldest first."""
    return desk.ledger.rows(
        "select actor, action, before, after from public.audit_log where table_name = %s and row_id = %s "
        "order by chain, sequence",
        table,
        str(row),
    )


# --- which tables ---------------------------------------------------------------------------------------------------


def test_tables_when_listed_then_each_is_audited_or_somebody_said_why_not(ledger: Ledger) -> None:
    existing = {
        name.removeprefix("public.")
        for (name,) in ledger.rows(
            "select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
            "where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition"
        )
    }
    assert existing == AUDITED | set(NOT_AUDITED), (
        "a new table: call private.audit_changes() at the end of its migration and name it in AUDITED, "
        "or say in NOT_AUDITED why not"
    )


def test_triggers_when_listed_then_every_audited_table_has_them_for_every_change_and_deferred(ledger: Ledger) -> None:
    rows = ledger.rows(
        "select t.tgrelid::regclass::text, bit_or(t.tgtype), bool_and(t.tginitdeferred and t.tgenabled = 'O') "
        "from pg_trigger as t where t.tgfoid = 'private.audit()'::regprocedure group by t.tgrelid"
    )
    # Bits of tgtype: 1 for each row, 4 insert, 8 delete, 16 update; 2 before, 32 truncate.
    assert set(rows) == {(name, 1 + 4 + 8 + 16, True) for name in AUDITED}, (
        "made by private.audit_changes(), never by hand"
    )
    truncates = ledger.rows(
        "select tgrelid::regclass::text from pg_trigger where tgname = 'z_audit_truncate' and tgtype = 34 "
        "and tgfoid = 'private.forbid_change()'::regprocedure and tgenabled = 'O'"
    )
    assert {name for (name,) in truncates} == AUDITED


def test_audited_table_when_the_owner_truncates_it_then_refused(ledger: Ledger) -> None:
    with refused("APPEND_ONLY", 409):
        ledger.run("truncate private.settings")


def test_row_when_inserted_changed_and_deleted_then_three_links_with_before_and_after(desk: Desk) -> None:
    ledger = desk.ledger
    ledger.run("insert into private.settings (name, value) values ('a_test', '1')")
    ledger.run("update private.settings set value = '2' where name = 'a_test'")
    ledger.run("delete from private.settings where name = 'a_test'")
    one, two = ({"name": "a_test", "value": value, "comment": ""} for value in "12")
    assert _links(desk, "private.settings", "a_test") == [
        ("database:postgres (tests)", "INSERT", None, one),
        ("database:postgres (tests)", "UPDATE", one, two),
        ("database:postgres (tests)", "DELETE", two, None),
    ]


def test_change_when_rolled_back_then_no_link(desk: Desk) -> None:
    with desk.ledger.session() as connection:
        connection.execute("update public.broker_accounts set label = 'x' where id = %s", [desk.account])
        connection.rollback()
    assert [action for _, action, _, _ in _links(desk, "broker_accounts", desk.account)] == ["INSERT"]


def test_secret_when_its_column_is_omitted_then_it_is_in_no_image(ledger: Ledger) -> None:
    with ledger.session() as connection:
        connection.execute(
            b"create table public.a_test (a text, b text, user_id uuid, ciphertext text, primary key (b, a)); "
            b"select private.audit_changes('public.a_test', '{ciphertext}'); "
            b"insert into public.a_test values ('1', '2', null, 'secret'); "
            b"update public.a_test set ciphertext = 'other'; "
            b"set constraints all immediate"
        )
        rows = connection.execute(
            "select chain, row_id, action, before, after from public.audit_log where table_name = 'a_test' "
            "order by sequence"
        ).fetchall()
        connection.rollback()
    image = {"a": "1", "b": "2", "user_id": None}
    assert rows == [("global", "2|1", "INSERT", None, image), ("global", "2|1", "UPDATE", image, image)]


def test_images_when_the_session_has_another_time_zone_then_times_are_utc(desk: Desk) -> None:
    with desk.ledger.session() as connection:
        connection.execute("set local timezone = 'Asia/Tokyo'")
        connection.execute("update public.broker_accounts set label = 'x' where id = %s", [desk.account])
    *_, (_, _, _, after) = _links(desk, "broker_accounts", desk.account)
    assert after["updated_at"].endswith("+00:00")


def test_head_when_a_transaction_is_open_then_another_of_the_same_chain_does_not_wait(desk: Desk) -> None:
    """The head is the last lock of a transaction, taken at its commit: it never joins a circle of waiting."""
    other = desk.place()
    with desk.ledger.session() as first, desk.ledger.session() as second:
        first.execute("update public.broker_accounts set label = 'x' where id = %s", [desk.account])
        second.execute("set local lock_timeout = '2s'")
        second.execute("update public.trades set status = 'canceled' where id = %s", [other])
        second.commit()
    assert desk.ledger.call("verify_audit_chain", "fn_report", p_chain=str(desk.account))["ok"]


# --- by whom --------------------------------------------------------------------------------------------------------


def _actor_of(desk: Desk, label: str) -> str:
    return str(
        desk.ledger.one("select actor from public.audit_log where after ->> 'label' = %s and action = 'UPDATE'", label)
    )


def _relabel(connection: Connection, desk: Desk, label: str) -> None:
    connection.execute("update public.broker_accounts set label = %s where id = %s", [label, desk.account])


def test_actor_when_a_person_acts_through_rest_then_the_person(desk: Desk) -> None:
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        _relabel(connection, desk, f"{desk.account} own")
    assert _actor_of(desk, f"{desk.account} own") == f"user:{desk.user}"


def test_actor_when_a_person_declares_another_name_through_rest_then_not_believed(desk: Desk) -> None:
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        connection.execute("set local app.actor = 'an administrator'")
        _relabel(connection, desk, f"{desk.account} forged")
    assert _actor_of(desk, f"{desk.account} forged") == f"user:{desk.user}"


@pytest.mark.parametrize("role", ["fn_execute", "fn_risk"])
def test_actor_when_a_function_acts_then_its_role_whatever_it_declares(desk: Desk, role: str) -> None:
    with desk.ledger.session() as connection:
        connection.execute("set local app.actor = 'somebody else'")
        become(connection, role)
        connection.execute("select public.close_gate(%s, 'a test')", [f"account:{desk.account}"])
    actor, *_ = _links(desk, "trading_gates", f"account:{desk.account}")[-1]
    assert actor == role


def test_actor_when_somebody_edits_in_the_studio_then_the_role_and_the_declared_name(desk: Desk) -> None:
    with desk.ledger.session() as connection:
        connection.execute("set local app.actor = 'maria'")
        _relabel(connection, desk, f"{desk.account} studio")
    assert _actor_of(desk, f"{desk.account} studio") == "database:postgres (maria)"


def test_actor_when_the_studio_plays_a_user_then_the_user_is_not_blamed(desk: Desk) -> None:
    """The Studio can set a user's claims to try policies: what it changes so is still the Studio's doing."""
    claims = json.dumps({"role": "authenticated", "sub": str(desk.user)})
    with desk.ledger.session() as connection:
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        _relabel(connection, desk, f"{desk.account} played")
    assert _actor_of(desk, f"{desk.account} played") == f"database:postgres (tests) as user:{desk.user}"


# --- who reads ------------------------------------------------------------------------------------------------------


def _as_person(ledger: Ledger, claims: dict[str, str], query: str) -> list[tuple[Any, ...]]:
    with ledger.session() as connection:
        become(connection, "authenticated", UUID(claims["sub"]), **{k: v for k, v in claims.items() if k != "role"})
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("call", ["verify_audit_chain()", "audit_heads()", "export_audit()"])
def test_trail_when_a_trader_asks_for_all_of_it_then_administrators_only(
    desk: Desk, maria: dict[str, str], call: str
) -> None:
    with refused("ADMINISTRATOR_NEEDED", 403):
        _as_person(desk.ledger, {"sub": str(desk.user)}, f"select public.{call}")
    assert _as_person(desk.ledger, maria, f"select public.{call}")


def test_trail_when_read_as_a_table_then_nobodys_rows_are_for_administrators(desk: Desk, maria: dict[str, str]) -> None:
    desk.ledger.run("insert into private.settings (name, value) values (%s, '1')", str(desk.user))
    query = "select count(*) from public.audit_log where user_id is null"
    assert _as_person(desk.ledger, {"sub": str(desk.user)}, query) == [(0,)]
    ((seen,),) = _as_person(desk.ledger, maria, query)
    assert seen > 0


def test_export_when_paged_then_every_link_once_in_order(desk: Desk) -> None:
    ledger, chain = desk.ledger, str(desk.account)
    for _ in range(4):
        desk.place()
    lines: list[str] = []
    cursor: dict[str, Any] | None = {"chain": "", "sequence": 0}
    while cursor is not None:
        page = ledger.call(
            "export_audit",
            "fn_report",
            p_chain=chain,
            p_after_chain=cursor["chain"],
            p_after_sequence=cursor["sequence"],
            p_limit=3,
        )
        assert len(page["lines"]) <= 3
        lines += page["lines"]
        cursor = page["next"]
    links = [json.loads(line) for line in lines]
    assert [link["link"]["sequence"] for link in links] == list(range(1, len(links) + 1))
    assert links[-1]["hash"] == ledger.call("audit_heads", "fn_report", p_chain=chain)[chain]["hash"]
    assert len(links) == ledger.one("select count(*) from public.audit_log where chain = %s", chain) > 4


def test_change_when_it_is_of_no_interest_then_no_link(ledger: Ledger) -> None:
    with ledger.session() as connection:
        connection.execute(
            b"create table public.a_test (id integer primary key, used integer, name text); "
            b"select private.audit_changes('public.a_test', p_ignore => '{used}'); "
            b"insert into public.a_test values (1, 1, 'a'); update public.a_test set used = 2; "
            b"update public.a_test set used = 3, name = 'b'; set constraints all immediate"
        )
        rows = connection.execute(
            "select action, after ->> 'used' from public.audit_log where table_name = 'a_test' order by sequence"
        ).fetchall()
        connection.rollback()
    assert rows == [("INSERT", "1"), ("UPDATE", "3")]


def test_audit_changes_when_a_table_has_no_primary_key_then_said(ledger: Ledger) -> None:
    with ledger.session() as connection:
        connection.execute("create table public.a_test (a integer)")
        with pytest.raises(psycopg.errors.RaiseException, match="primary key"):
            connection.execute("select private.audit_changes('public.a_test')")
        connection.rollback()


def test_chain_when_a_user_has_two_accounts_then_each_has_its_own(desk: Desk) -> None:
    second = new_account(desk.ledger, desk.user)
    heads = desk.ledger.call("audit_heads", "fn_report")
    assert {str(desk.account), str(second), f"user:{desk.user}"} <= set(heads)
