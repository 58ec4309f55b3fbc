"""Everything that the Studio shows says what it is."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from tests.integration.ledger.ledger import Ledger

_OURS = "('public', 'private', 'admin')"


def test_tables_views_and_columns_when_listed_then_each_has_a_comment(ledger: Ledger) -> None:
    ours = (
        "pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
        f"and n.nspname in {_OURS} and c.relkind in ('r', 'p', 'v', 'm', 'c') and not c.relispartition"
    )
    bare = ledger.rows(
        f"select c.oid::regclass::text from {ours} where obj_description(c.oid, 'pg_class') is null "
        "and coalesce(obj_description(c.reltype, 'pg_type'), '') = '' "
        f"union all select c.oid::regclass::text || '.' || a.attname from {ours} "
        "join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "where c.relkind <> 'c' and col_description(c.oid, a.attnum) is null order by 1"
    )
    assert bare == []


def test_functions_types_and_schemas_when_listed_then_each_has_a_comment(ledger: Ledger) -> None:
    bare = ledger.rows(
        "select p.oid::regprocedure::text from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace "
        f"where n.nspname in {_OURS} and obj_description(p.oid, 'pg_proc') is null "
        "union all "
        "select t.oid::regtype::text from pg_type as t join pg_namespace as n on n.oid = t.typnamespace "
        f"where n.nspname in {_OURS} and t.typtype in ('d', 'e') and obj_description(t.oid, 'pg_type') is null "
        "union all "
        f"select nspname from pg_namespace where nspname in {_OURS} and obj_description(oid, 'pg_namespace') is null "
        "order by 1"
    )
    assert bare == []
