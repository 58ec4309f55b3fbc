"""Filters of postgres_changes: the server's own judgement agrees with Postgres's for every operator and type."""

from __future__ import annotations

import json
import os
import random
import string
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from local.stack import PROJECT
from local.supervisor.tools import node

_COMPARISONS = {
    "eq": "=",
    "neq": "<>",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
    "isdistinct": "is distinct from",
}
_CASES = 1500


def _value(draw: random.Random, type_name: str) -> str | None:
    if draw.random() < 0.1:
        return None
    if type_name in {"int4", "int8"}:
        return str(draw.randint(-20, 20) * draw.choice([1, 1, 100_000]))
    if type_name == "numeric":
        digits = Decimal(draw.randint(-3000, 3000)).scaleb(-draw.randint(0, 3))
        return draw.choice([format(digits, "f"), format(digits, "f"), "NaN"])
    if type_name == "float8":
        return draw.choice(["0.1", "-0", "0", "1e300", "-1e-300", "NaN", "Infinity", "-Infinity", str(draw.random())])
    if type_name == "bool":
        return draw.choice(["t", "f"])
    if type_name == "timestamptz":
        fraction = draw.choice(["", ".5", ".000001", ".25"])
        return f"2026-03-{draw.randint(1, 9):02}T0{draw.randint(0, 9)}:00:00{fraction}{draw.choice(['Z', '+02:00'])}"
    return "".join(draw.choice('aAbü%_,"\\() 😀') for _ in range(draw.randint(0, 5)))


def _case(draw: random.Random) -> tuple[str, str, str | None, str, list[str]]:
    """(type, operator, row's value, SQL operator, filter's values)"""
    type_name = draw.choice(["int4", "int8", "numeric", "float8", "bool", "timestamptz", "text"])
    operators = [*_COMPARISONS, "in", "is"] + (["like", "ilike"] if type_name == "text" else [])
    operator = draw.choice(operators)
    if operator == "is":
        return (
            type_name,
            operator,
            _value(draw, type_name),
            "is",
            [draw.choice(["null", "true", "false"] if type_name == "bool" else ["null"])],
        )
    count = draw.randint(1, 3) if operator == "in" else 1
    values: list[str] = []
    while len(values) < count:
        drawn = _value(draw, type_name)
        if drawn is not None and not (operator in {"like", "ilike"} and drawn.endswith("\\")):
            values.append(drawn)
    return type_name, operator, _value(draw, type_name), _COMPARISONS.get(operator, operator), values


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _expected(database: psycopg.Connection, case: tuple[str, str, str | None, str, list[str]], negated: bool) -> bool:
    type_name, operator, value, symbol, values = case
    cast = sql.SQL(type_name)
    left = sql.SQL("(%s)::{}").format(cast)
    if operator == "is":
        test = sql.SQL("{} is {}").format(left, sql.SQL(values[0]))
        parameters: list[Any] = [value]
    elif operator == "in":
        test = sql.SQL("{} = any (%s::{}[])").format(left, cast)
        parameters = [value, values]
    else:
        test = sql.SQL("{} {} (%s)::{}").format(left, sql.SQL(symbol), cast)
        parameters = [value, values[0]]
    if negated:
        test = sql.SQL("not ({})").format(test)
    row = database.execute(sql.SQL("select coalesce({}, false)").format(test), parameters).fetchone()
    assert row is not None
    return bool(row[0])


def _printed(database: psycopg.Connection, type_name: str, value: str | None) -> str | None:
    """As the type's output function prints it, which is how the server sees it."""
    row = database.execute(
        sql.SQL("select case when %s::text is not null then format('%%s', (%s)::{}) end").format(sql.SQL(type_name)),
        [value, value],
    ).fetchone()
    assert row is not None
    return None if row[0] is None else str(row[0])


def test_filter_when_drawn_at_random_then_server_and_postgres_agree(database: psycopg.Connection) -> None:
    draw = random.Random(20260302)
    asked: list[Any] = []
    expected: list[bool] = []
    with database.transaction():
        database.execute("set local time zone 'UTC'")
        for _ in range(_CASES):
            case = _case(draw)
            type_name, operator, value, _, values = case
            negated = draw.random() < 0.3
            written = f"({','.join(map(_quoted, values))})" if operator == "in" else _quoted(values[0])
            written = values[0] if operator == "is" else written
            canonical = {each: _printed(database, type_name, each) for each in values} if operator != "is" else {}
            prefix = "not." if negated else ""
            asked.append(
                (f"column={prefix}{operator}.{written}", type_name, _printed(database, type_name, value), canonical)
            )
            expected.append(_expected(database, case, negated))
    binary = node()
    assert binary is not None
    done = subprocess.run(
        [binary, str(Path(__file__).parent / "judge_filters.mjs")],
        env=os.environ | {"LOCAL": str(PROJECT / "local")},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdicts = json.loads(done.stdout)["verdicts"]
    wrong = [(case, want) for case, want, got in zip(asked, expected, verdicts, strict=True) if want != got]
    assert wrong == []
    assert 0.1 < sum(expected) / _CASES < 0.9


def test_like_when_pattern_is_hostile_then_answered_at_once(tmp_path: Path) -> None:
    pattern = "%a" * 2000 + "b"
    asked: list[Any] = [
        (f'column=like."{pattern}"', "text", "a" * 20_000, {}),
        ("column=eq." + string.printable[:10], "text", "x", {}),
    ]
    binary = node()
    assert binary is not None
    done = subprocess.run(
        [binary, str(Path(__file__).parent / "judge_filters.mjs")],
        env=os.environ | {"LOCAL": str(PROJECT / "local")},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert json.loads(done.stdout)["verdicts"] == [False, False]
