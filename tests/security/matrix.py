"""Tries of every caller on every table, function and topic: each really made, each undone at once."""

# ruff: noqa: S608 - the names in the queries are the catalogue's

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from tests.integration.ledger.desk import Desk, fill_every_table
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, new_administrator, new_viewer
from tests.security.expectations import FUNCTION_ROLES, INSERTED

PEOPLE = ("owner", "stranger", "viewer", "administrator")
"""The owner A has rows in every table and so has the stranger B; every try is made on the rows of A."""
CALLERS = ("anon", *PEOPLE, "service_role", *FUNCTION_ROLES)

# In PostgREST's way: the role of the token and its claims, for the transaction. What was done is always undone.
_ATTEMPT = """
create schema matrix;
create function matrix.attempt(caller name, claims jsonb, statement text, counts boolean) returns text
language plpgsql as $$
declare
  answer text;
begin
  begin
    perform set_config('request.jwt.claims', claims::text, true), set_config('role', caller, true);
    if counts then
      execute statement into answer;
    else
      execute statement;
      get diagnostics answer = row_count;
    end if;
    raise exception using errcode = 'MX000', message = coalesce(answer, '');
  exception
    when sqlstate 'MX000' then return sqlerrm;
    when others then return sqlstate || ' ' || sqlerrm;
  end;
end $$;
"""
_LOOSEN = """
do $$
declare
  target record;
begin
  for target in select conrelid::regclass as name, conname from pg_constraint
    where contype = 'c' and connamespace in ('public'::regnamespace, 'private'::regnamespace) and coninhcount = 0
      and conrelid <> 0
  loop
    execute format('alter table %s drop constraint if exists %I', target.name, target.conname);
  end loop;
  for target in select partrelid::regclass as name, partrelid from pg_partitioned_table where partdefid = 0 loop
    execute format('create table matrix.rest_%s partition of %s default', target.partrelid, target.name);
  end loop;
end $$;
"""
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
    name: str
    is_view: bool
    columns: list[Column] = field(default_factory=list)

    @property
    def is_owned(self) -> bool:
        return any(column.name == "user_id" for column in self.columns)


class World:
    """A ledger with something in every table, and everybody who tries."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.owner, self.stranger = Desk.open(ledger), Desk.open(ledger)
        for desk in (self.owner, self.stranger):
            fill_every_table(desk)
        self.ids = {"owner": self.owner.user, "stranger": self.stranger.user}
        self.ids |= {name: _PEOPLE_MADE[name](self) for name in PEOPLE if name not in self.ids}
        ledger.connection.execute(_ATTEMPT)
        ledger.connection.execute(_LOOSEN)
        self.relations: dict[str, Relation] = {}
        for name, kind, *column in ledger.rows(_COLUMNS):
            found = self.relations.setdefault(name, Relation(name, kind in ("v", "m")))
            found.columns.append(Column(*column))
        for relation in self.relations.values():
            self._fill(relation)

    # --- tries ----------------------------------------------------------------------------------------------------

    def attempt(self, caller: str, statements: Iterable[str], counts: bool = False) -> list[str]:
        """What came of each statement: the count of its rows, or the error's state and text."""
        role, claims = self.token(caller)
        return [
            row[0]
            for row in self.ledger.rows(
                "select matrix.attempt(%s, %s, s, %s) from unnest(%s::text[]) with ordinality as t (s, n) order by n",
                role,
                json.dumps(claims),
                counts,
                list(statements),
            )
        ]

    def token(self, caller: str) -> tuple[str, dict[str, Any]]:
        """The role and the claims; a person comes with the second factor, so that nothing is refused for want of it."""
        if caller not in PEOPLE:
            return caller, {"role": caller}
        claims: dict[str, Any] = {"role": "authenticated", "sub": str(self.ids[caller])} | SECOND_FACTOR
        return "authenticated", claims | (CLAIM if caller == "administrator" else {})

    def whose(self, relation: Relation) -> dict[str, str]:
        """The condition that finds the rows of A, of B and of nobody; in a shared table all are nobody's."""
        if not relation.is_owned:
            return {"nobody": "true"}
        users = {name: f"user_id = '{self.ids[name]}'" for name in ("owner", "stranger")}
        return users | {"nobody": "user_id is null"}

    def counted(self, relation: Relation) -> str:
        counts = [f"'{name}', count(*) filter (where {condition})" for name, condition in self.whose(relation).items()]
        return f"select jsonb_build_object({', '.join(counts)})::text from public.{relation.name}"

    def insert(self, relation: Relation, columns: set[str] | None) -> str:
        """A row like one of A's, in A's name, where it could be: with ids and what INSERTED says of its own."""
        fresh = {column.name: str(uuid4()) for column in relation.columns if column.name == "id"}
        fresh |= INSERTED.get(relation.name, {})
        named = [c.name for c in relation.columns if not c.generated and (columns is None or c.name in columns)]
        values = [f"'{fresh[name]}'" if name in fresh else f"o.{name}" for name in named]
        found = json.dumps(self._example(relation)).replace("'", "''")
        return (
            f"insert into public.{relation.name} ({', '.join(named)}) select {', '.join(values)} "
            f"from jsonb_populate_record(null::public.{relation.name}, '{found}') as o"
        )

    def update(self, relation: Relation, column: str) -> str:
        # To null, and not to itself: that would ask for the right to read, too.
        return f"update public.{relation.name} set {column} = null where {self.hers(relation)}"

    def rewrite(self, relation: Relation, columns: set[str]) -> str:
        """Every column that may be changed, to what it is: a change that no constraint can refuse."""
        changes = ", ".join(f"{column} = {column}" for column in sorted(columns))
        return f"update public.{relation.name} set {changes} where {self.hers(relation)}"

    def hers(self, relation: Relation) -> str:
        return self.whose(relation).get("owner", "true")

    # --- what is there --------------------------------------------------------------------------------------------

    def real(self, relation: Relation) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self.ledger.one(self.counted(relation)))
        return counts

    def _example(self, relation: Relation) -> dict[str, Any]:
        found: dict[str, Any] = self.ledger.one(
            f"select to_jsonb(t) from public.{relation.name} as t where {self.hers(relation)} limit 1"
        )
        return found

    def _fill(self, relation: Relation) -> None:
        """A table that the desks' session left empty gets one row of anything for each of those who should have one."""
        for whose, there in self.real(relation).items():
            if there or relation.is_view or (whose == "nobody" and relation.is_owned):
                continue
            desk = self.stranger if whose == "stranger" else self.owner
            own: dict[str, UUID] = {
                "user_id": desk.user,
                "broker_account_id": desk.account,
                "strategy_id": desk.strategy,
            }
            values = {
                column.name: f"'{own[column.name]}'" if column.name in own else _VALUES.get(column.type, "'{}'")
                for column in relation.columns
                if (column.needed or column.name in own) and not column.generated
            }
            self.ledger.tamper(
                f"insert into public.{relation.name} ({', '.join(values)}) values ({', '.join(values.values())})"
            )


_PEOPLE_MADE: dict[str, Callable[[World], UUID]] = {
    "viewer": lambda world: new_viewer(world.ledger, "the desk of A", world.owner.user),
    "administrator": lambda world: new_administrator(world.ledger),
}
