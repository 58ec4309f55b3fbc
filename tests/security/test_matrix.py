"""Every table, view, function and topic against every caller, by really trying: the answers are the expectations'.

The cells are made from the catalogue: a table or function that `expectations.py` does not name fails here.
"""

# ruff: noqa: S608 - the names in the queries are the catalogue's

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.integration.ledger.ledger import Ledger
from tests.ledger_database import ledger_server
from tests.security.expectations import ADMINISTRATORS_ONLY, HEARS, INSERTABLE, READS, RELATIONS, UPDATABLE, WRITES
from tests.security.expectations import CALLERS as EXECUTE
from tests.security.filling import Relation
from tests.security.matrix import CALLERS, PEOPLE, World

REFUSED = "refused"
# A right that is not granted or a policy, and the ledger's own refusals of a person.
_REFUSALS = ("42501 ", "PT401 ", "PT403 ")
# What is refused before Postgres asks for the right: a view that joins, a computed column.
_NO_TARGET = ("55000 ", "428C9 ", "0A000 ")

_FUNCTIONS = """
select p.proname::text, 'select public.' || quote_ident(p.proname) || '(' || coalesce(
    (select string_agg(format('%%I => null::%%s', a.name, format_type(a.type, null)), ', ' order by a.n)
     from unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) with ordinality as a (name, type, n)), '') || ')'
from pg_proc as p where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype
order by p.proname
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ledger_server() as server, server.clone() as dsn:
        ledger = Ledger(dsn)
        try:
            yield World(ledger)
        finally:
            ledger.close()


def test_relations_when_listed_then_each_has_an_expectation_and_rows_of_all_kinds(world: World) -> None:
    assert set(world.relations) == set(RELATIONS)
    for relation in world.relations.values():
        assert (RELATIONS[relation.name] == "shared") is not relation.is_owned, relation.name
        wanted = ("owner", "stranger") if relation.is_owned else ("nobody",)
        real = world.real(relation)
        assert all(real[whose] for whose in wanted), f"nothing to read in {relation.name}: {real}"
    # Who may write is said for tables that exist, and how a new row differs for each that takes one.
    assert set(INSERTABLE) | set(UPDATABLE) <= set(RELATIONS)


@pytest.mark.parametrize("caller", CALLERS)
def test_rows_when_read_then_those_that_were_decided(world: World, caller: str) -> None:
    relations = world.relations.values()
    answers = world.attempt(caller, (world.counted(relation) for relation in relations), counts=True)
    found = {
        relation.name: REFUSED if answer.startswith(_REFUSALS) else answer
        for relation, answer in zip(relations, answers, strict=True)
    }
    assert found == {relation.name: _readable(world, relation, caller) for relation in relations}


def _readable(world: World, relation: Relation, caller: str) -> str:
    if caller not in PEOPLE:
        return REFUSED
    seen = READS[RELATIONS[relation.name]][caller]
    shown = {whose: count if whose in seen else 0 for whose, count in world.real(relation).items()}
    return str(world.ledger.one("select %s::jsonb::text", json.dumps(shown)))


@pytest.mark.parametrize("caller", CALLERS)
def test_rows_when_inserted_in_the_owners_name_then_only_where_decided(world: World, caller: str) -> None:
    relations = world.relations.values()
    for whole in (False, True):
        # With the columns that may be written, and with all: what is granted by column lets nothing else in.
        statements = [world.insert(r, None if whole else INSERTABLE.get(r.name)) for r in relations]
        found = dict(zip(world.relations, map(_effect, world.attempt(caller, statements)), strict=True))
        expected = {
            name: "1" if caller in WRITES and name in INSERTABLE and not whole else REFUSED for name in world.relations
        }
        assert found == expected


@pytest.mark.parametrize("caller", CALLERS)
def test_rows_when_changed_then_only_the_decided_columns_of_own_rows(world: World, caller: str) -> None:
    cells: dict[str, tuple[str, str]] = {}
    for relation in world.relations.values():
        granted = UPDATABLE.get(relation.name, set())
        for column in relation.columns:
            if column.name not in granted:
                cells[f"{relation.name}.{column.name}"] = (world.update(relation, column.name), REFUSED)
        if granted:
            cells[relation.name] = (world.rewrite(relation, granted), _changed(world, relation, caller))
    answers = world.attempt(caller, (statement for statement, _ in cells.values()))
    found = dict(zip(cells, map(_effect, answers), strict=True))
    assert found == {cell: expected for cell, (_, expected) in cells.items()}


def _changed(world: World, relation: Relation, caller: str) -> str:
    """How many rows of A change: hers all, for another person none are there, everybody else may not."""
    if caller in WRITES:
        return str(world.real(relation)["owner"])
    return "0" if caller in PEOPLE and caller != "viewer" else REFUSED


@pytest.mark.parametrize("caller", CALLERS)
def test_rows_when_deleted_or_truncated_then_refused(world: World, caller: str) -> None:
    for statements in (
        [f"delete from public.{relation.name}" for relation in world.relations.values()],
        [f"truncate public.{relation.name}" for relation in world.relations.values() if not relation.is_view],
    ):
        assert set(statements) == {
            statement
            for statement, answer in zip(statements, world.attempt(caller, statements), strict=True)
            if _effect(answer) == REFUSED
        }


def _effect(answer: str) -> str:
    return REFUSED if answer.startswith(_REFUSALS + _NO_TARGET) else answer


@pytest.mark.parametrize("caller", CALLERS)
def test_functions_when_called_then_only_by_whom_it_was_decided(world: World, caller: str) -> None:
    functions = dict(world.ledger.rows(_FUNCTIONS))
    assert set(functions) == set(EXECUTE)
    answers = world.attempt(caller, functions.values())
    found = {name: answer.startswith("42501 ") for name, answer in zip(functions, answers, strict=True)}
    role, _ = world.token(caller)
    assert found == {name: role not in EXECUTE[name] for name in functions}
    if caller in PEOPLE:
        heard = {name for name, answer in zip(functions, answers, strict=True) if "ADMINISTRATOR_NEEDED" not in answer}
        assert set(functions) - heard == (set() if caller == "administrator" else set(ADMINISTRATORS_ONLY))


@pytest.mark.parametrize("caller", CALLERS)
def test_topics_when_joined_then_heard_by_whom_it_was_decided_and_nobody_speaks(world: World, caller: str) -> None:
    role, claims = world.token(caller)
    for pattern, hearers in HEARS.items():
        topic = pattern.format(**world.ids)
        may = world.ledger.one("select realtime._permissions(%s, %s, %s)", topic, role, json.dumps(claims))
        speaks = caller == "service_role"
        hears = caller in hearers or speaks
        assert may == {key: {"read": hears, "write": speaks} for key in ("broadcast", "presence")}, topic
