"""Tries of every caller on every table, function and topic: each really made, each undone at once."""

# ruff: noqa: S608 - the names in the queries are the catalogue's

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID, uuid4

from tests.integration.ledger.desk import Desk, fill_every_table
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, new_administrator, new_viewer
from tests.security.expectations import FUNCTION_ROLES, INSERTED
from tests.security.filling import Relation, fill_what_is_empty, relations

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


class World:
    """A ledger with something in every table, and everybody who tries."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.owner, self.stranger = Desk.open(ledger), Desk.open(ledger)
        for desk in (self.owner, self.stranger):
            fill_every_table(desk)
        fill_what_is_empty(ledger, self.owner, self.stranger, shared=True)
        self.ids = {"owner": self.owner.user, "stranger": self.stranger.user}
        self.ids |= {name: _PEOPLE_MADE[name](self) for name in PEOPLE if name not in self.ids}
        ledger.connection.execute(_ATTEMPT)
        self.relations = relations(ledger)

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
        fresh = {
            column.name: str(uuid4()) for column in relation.columns if (column.name, column.type) == ("id", "uuid")
        }
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


_PEOPLE_MADE: dict[str, Callable[[World], UUID]] = {
    "viewer": lambda world: new_viewer(world.ledger, "the desk of A", world.owner.user),
    "administrator": lambda world: new_administrator(world.ledger),
}
