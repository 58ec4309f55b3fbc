"""The catalogue against the expectations: row-level security everywhere, and no right that nobody decided on."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

import pytest

from tests.integration.ledger.ledger import Ledger
from tests.security.expectations import (
    CALLERS,
    CLOSED_SCHEMAS,
    FUNCTION_ROLES,
    INSERTABLE,
    READ_WITH_REPORTS,
    RELATIONS,
    ROLES,
    UPDATABLE,
)

_RELATIONS = (
    "select c.oid, c.relname::text as name, c.relkind::text as kind from pg_class as c "
    "where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')"
)


_WHO_ASKS = {
    "auth.uid()": "( SELECT auth.uid() AS uid)",
    "private.is_administrator()": "( SELECT private.is_administrator() AS is_administrator)",
    "private.readable_users()": "( SELECT private.readable_users() AS readable_users)",
}


def test_relations_when_listed_then_each_has_an_expectation(ledger: Ledger) -> None:
    assert {name for _, name, _ in ledger.rows(_RELATIONS)} == set(RELATIONS)


def test_tables_when_listed_then_row_security_is_on_and_has_a_policy(ledger: Ledger) -> None:
    bare = ledger.rows(
        f"with r as ({_RELATIONS}) select r.name from r join pg_class as c on c.oid = r.oid where r.kind in ('r', 'p') "
        "and (not c.relrowsecurity or not exists (select from pg_policy as p where p.polrelid = r.oid))"
    )
    assert bare == []


def test_views_when_listed_then_they_ask_as_their_reader(ledger: Ledger) -> None:
    views = ledger.rows(
        f"with r as ({_RELATIONS}) select r.name, coalesce('security_invoker=true' = any (c.reloptions), false) "
        "from r join pg_class as c on c.oid = r.oid where r.kind <> 'r' and r.kind <> 'p'"
    )
    assert dict(views) == dict.fromkeys(dict(views), True)


def test_policies_when_listed_then_each_names_a_role_and_asks_for_the_user_once(ledger: Ledger) -> None:
    policies = ledger.rows(
        "select tablename, policyname, roles::text[], coalesce(qual, ''), coalesce(with_check, '') from pg_policies "
        "where schemaname in ('public', 'realtime') and permissive = 'PERMISSIVE'"
    )
    assert policies
    for table, name, roles, *conditions in policies:
        assert roles == ["authenticated"], (table, name)
        for condition in conditions:
            # A bare call is asked for every row; in a subquery it is asked once.
            for call, once in _WHO_ASKS.items():
                assert condition.count(call) == condition.count(once), (table, name, condition)
        if RELATIONS.get(table) != "shared":
            assert any(call in condition for condition in conditions for call in _WHO_ASKS), (table, name)
        if table != "messages" and RELATIONS[table] == "shared":
            assert conditions == ["true", ""], (table, name)


def test_tables_when_listed_then_each_shuts_out_the_disabled_and_keeps_viewers_from_writing(ledger: Ledger) -> None:
    """Said once for all by the last migration: a table made after it, or beside it, is found here."""
    restrictive = ledger.rows(
        "select tablename::text, cmd, roles::text[], qual from pg_policies "
        "where schemaname = 'public' and permissive = 'RESTRICTIVE'"
    )
    tables = {name for _, name, kind in ledger.rows(_RELATIONS) if kind in ("r", "p")}
    assert {table for table, *_ in restrictive} == tables
    for table, *policy in restrictive:
        scope = "reports" if table in READ_WITH_REPORTS else "read"
        asked = f"( SELECT private.may_read('{scope}'::text) AS may_read)"
        assert policy == ["SELECT", ["authenticated"], asked], table
    unguarded = ledger.rows(
        "select c.oid::regclass::text from pg_class as c where c.relkind in ('r', 'p') and not c.relispartition "
        "and c.relnamespace::regnamespace::text in ('public', 'private') and not exists (select from pg_trigger "
        "as t where t.tgrelid = c.oid and t.tgname = 'a_require_writer' and t.tgenabled = 'O' "
        "and t.tgfoid = 'private.require_writer'::regproc and t.tgtype = 30)"
    )
    assert unguarded == []


def test_policy_columns_when_listed_then_each_is_indexed(ledger: Ledger) -> None:
    tables = {name for name, kind in RELATIONS.items() if kind != "shared"} - {
        "deactivation_progress",
        "expiring_positions",
        "halt_progress",
        "live_results",
        "position_results",
        "positions",
        "realised_pnl",
        "result_progress",
        "risk_limit_versions",
    }
    indexed = {
        table
        for (table,) in ledger.rows(
            "select distinct c.relname::text from pg_index as i join pg_class as c on c.oid = i.indrelid "
            "join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[0] "
            "where c.relnamespace = 'public'::regnamespace and a.attname = 'user_id' and i.indpred is null"
        )
    }
    assert tables - indexed == set()


def test_foreign_keys_when_listed_then_each_is_indexed(ledger: Ledger) -> None:
    """By an index of all rows, or of those that name something: a null points at nothing."""
    bare = ledger.rows(
        "select c.conrelid::regclass::text, c.conname::text from pg_constraint as c where c.contype = 'f' "
        "and c.connamespace in ('public'::regnamespace, 'private'::regnamespace) and not exists (select from pg_index "
        "as i join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] "
        "where i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey) "
        "and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) = format('(%%I IS NOT NULL)', a.attname)))"
    )
    assert bare == []


def test_table_rights_when_listed_then_a_user_reads_and_writes_what_was_decided(ledger: Ledger) -> None:
    for privilege, expected in (("insert", INSERTABLE), ("update", UPDATABLE)):
        granted = ledger.rows(
            f"with r as ({_RELATIONS}) select r.name, array_agg(a.attname::text) from r join pg_attribute as a "
            "on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped "
            f"where has_column_privilege('authenticated', r.oid, a.attnum, '{privilege}') group by r.name"
        )
        assert {name: set(columns) for name, columns in granted} == expected, privilege
    readable = ledger.rows(
        f"with r as ({_RELATIONS}) select r.name from r where has_table_privilege('authenticated', r.oid, 'select')"
    )
    assert {name for (name,) in readable} == set(RELATIONS)


@pytest.mark.parametrize("role", ROLES)
def test_table_rights_when_listed_then_nobody_deletes_and_others_have_none(ledger: Ledger, role: str) -> None:
    privileges = ["delete", "truncate", "references", "trigger", "maintain"]
    if role != "authenticated":
        privileges += ["select", "insert", "update"]
    granted = ledger.rows(
        f"with r as ({_RELATIONS}) select r.name, p from r cross join unnest(%s::text[]) as p "
        "where has_table_privilege(%s, r.oid, p) or case when p in ('select', 'insert', 'update', 'references') "
        "then has_any_column_privilege(%s, r.oid, p) end",
        privileges,
        role,
        role,
    )
    assert granted == []


def test_functions_when_listed_then_only_the_decided_roles_execute_them(ledger: Ledger) -> None:
    functions = ledger.rows(
        "select p.proname::text, array(select r from unnest(%s::text[]) as r "
        "where has_function_privilege(r, p.oid, 'execute')) from pg_proc as p "
        "where p.pronamespace = 'public'::regnamespace",
        list(ROLES),
    )
    assert len(functions) == len(dict(functions)), "an overload needs an expectation of its own"
    assert {name: set(roles) for name, roles in functions} == CALLERS


def test_functions_when_listed_then_each_has_a_fixed_search_path(ledger: Ledger) -> None:
    """A SECURITY DEFINER function that finds names by the caller's path runs the caller's code as the owner."""
    loose = ledger.rows(
        "select oid::regprocedure::text from pg_proc where pronamespace in ('public'::regnamespace, "
        "'private'::regnamespace) and prokind = 'f' and not coalesce(proconfig, '{}') && array['search_path=\"\"']"
    )
    assert loose == []


def test_schemas_when_closed_then_no_role_may_even_name_what_is_in_them(ledger: Ledger) -> None:
    named = ledger.rows(
        "select n.nspname::text, r from pg_namespace as n cross join unnest(%s::text[]) as r "
        "where n.nspname = any (%s) and has_schema_privilege(r, n.oid, 'usage')",
        list(ROLES),
        list(CLOSED_SCHEMAS),
    )
    assert set(named) <= {("net", "service_role")}


def test_roles_when_listed_then_none_is_more_than_its_grants(ledger: Ledger) -> None:
    strong = ledger.rows(
        "select rolname::text from pg_roles where rolname = any (%s) "
        "and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolinherit or rolcanlogin)",
        list(ROLES),
    )
    assert strong == []
    bypassing = ledger.rows("select rolname::text from pg_roles where rolname = any (%s) and rolbypassrls", list(ROLES))
    assert bypassing == [("service_role",)]
    members = ledger.rows(
        "select m.rolname::text, g.rolname::text from pg_auth_members as a join pg_roles as g on g.oid = a.roleid "
        "join pg_roles as m on m.oid = a.member where m.rolname = any (%s)",
        list(ROLES),
    )
    assert members == [], "no role is a member of another: what it may do is what it was granted"


def test_schema_public_when_asked_then_nobody_creates_in_it(ledger: Ledger) -> None:
    creating = ledger.rows(
        "select r from unnest(%s::text[]) as r where has_schema_privilege(r, 'public', 'create')", list(ROLES)
    )
    assert creating == []


def test_new_function_when_made_by_a_migration_then_nobody_may_call_it_at_first(ledger: Ledger) -> None:
    with ledger.session() as connection:
        connection.execute("create function public.brand_new() returns integer language sql as 'select 1'")
        connection.execute("create table public.brand_new (id integer)")
        row = connection.execute(
            "select array(select r from unnest(%s::text[]) as r where has_function_privilege(r, 'public.brand_new()', "
            "'execute') or has_table_privilege(r, 'public.brand_new', 'select, insert, update, delete'))",
            [list(ROLES)],
        ).fetchone()
        connection.rollback()
    assert row == ([],)


def test_function_roles_when_compared_with_the_wiring_then_each_folder_has_one(ledger: Ledger) -> None:
    existing = ledger.rows("select rolname::text from pg_roles where rolname like 'fn\\_%%' order by rolname")
    assert tuple(name for (name,) in existing) == FUNCTION_ROLES
