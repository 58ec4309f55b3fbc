"""Something in every table: a row of anything for each desk where its own session left none."""

# ruff: noqa: S608 - the names in the queries are the catalogue's

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Connection, Ledger

_COLUMNS = """
select c.relname::text, c.relkind::text, a.attname::text, format_type(t.oid, null),
  a.attnotnull and not a.atthasdef and a.attidentity = '', a.attgenerated <> '' or a.attidentity <> ''
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type as o on o.oid = a.atttypid
join pg_type as t on t.oid = coalesce(nullif(o.typbasetype, 0), o.oid)
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
order by c.relname, a.attnum
"""
_CHECKS = """
select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint
where contype = 'c' and conrelid <> 0 and coninhcount = 0 and conrelid::regclass::text = %s
"""
_VALUES = {
    "uuid": "gen_random_uuid()",
    "boolean": "false",
    "jsonb": "'{}'",
    "date": "current_date",
    "timestamp with time zone": "now()",
    "interval": "'1 day'",
    "bytea": "'x'",
    "text": "gen_random_uuid()::text",
    "numeric": "1",
    "integer": "1",
    "bigint": "1",
    "smallint": "1",
    "double precision": "1",
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    needed: bool
    generated: bool


@dataclass
class Relation:
    """A table or view of schema public."""

    name: str
    kind: str
    columns: list[Column] = field(default_factory=list)

    @property
    def is_view(self) -> bool:
        return self.kind in ("v", "m")

    @property
    def is_owned(self) -> bool:
        return any(column.name == "user_id" for column in self.columns)


def relations(ledger: Ledger) -> dict[str, Relation]:
    """All of schema public, by name."""
    found: dict[str, Relation] = {}
    for name, kind, *column in ledger.rows(_COLUMNS):
        found.setdefault(name, Relation(name, kind)).columns.append(Column(*column))
    return found


def fill_what_is_empty(ledger: Ledger, *desks: Desk, shared: bool = False) -> None:
    """Gives each desk a row in every table that has none of theirs; with `shared`, the tables of nobody one row, too.

    No trigger, foreign key or check sees these rows: they are there to be read, changed and stolen, not to make sense.
    """
    for relation in relations(ledger).values():
        if relation.is_view or (not relation.is_owned and not shared):
            continue
        for desk in desks if relation.is_owned else desks[:1]:
            whose = f"user_id = '{desk.user}'" if relation.is_owned else "true"
            if not ledger.one(f"select exists (select from public.{relation.name} where {whose})"):
                _insert_anything(ledger, relation, desk)


def _insert_anything(ledger: Ledger, relation: Relation, desk: Desk) -> None:
    own: dict[str, UUID] = {"user_id": desk.user, "broker_account_id": desk.account, "strategy_id": desk.strategy}
    values = {
        column.name: f"'{own[column.name]}'" if column.name in own else _VALUES.get(column.type, "'{}'")
        for column in relation.columns
        if (column.needed or column.name in own) and not column.generated
    }
    with ledger.session() as connection:
        connection.execute("set local session_replication_role = replica")
        checks = _drop_checks(connection, relation)
        if relation.kind == "p":
            connection.execute("create schema if not exists filling")
            rest = f"create table if not exists filling.{relation.name} partition of public.{relation.name} default"
            connection.execute(rest.encode())
        columns, row = ", ".join(values), ", ".join(values.values())
        connection.execute(f"insert into public.{relation.name} ({columns}) values ({row})".encode())
        for name, definition in checks:
            valid = definition.removesuffix(" NOT VALID")
            again = f"alter table public.{relation.name} add constraint {name} {valid} not valid"
            connection.execute(again.encode())


def _drop_checks(connection: Connection, relation: Relation) -> list[tuple[Any, Any]]:
    checks = connection.execute(_CHECKS, [relation.name]).fetchall()
    for _, name, _ in checks:
        connection.execute(f"alter table public.{relation.name} drop constraint {name}".encode())
    return [(name, definition) for _, name, definition in checks]
