"""Every invariant of the ledger has tests that show it and tests that attack it, and they are there."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from local.stack import PROJECT
from tests.security.invariants import INVARIANTS


@cache
def _tests(file: str) -> set[str]:
    """The names of a file's tests that run in `make test`, at least for some of their cases."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse((PROJECT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, functions) and node.name.startswith("test_")}


def test_invariants_when_listed_then_all_fifteen_are_there() -> None:
    assert list(INVARIANTS) == list(range(1, 16))


@pytest.mark.parametrize("number", INVARIANTS)
def test_invariant_when_read_then_its_tests_exist(number: int) -> None:
    invariant = INVARIANTS[number]
    assert invariant.shown, "nothing shows it"
    assert invariant.attacked, "nothing attacks it"
    assert not set(invariant.shown) & set(invariant.attacked)
    for named in (*invariant.shown, *invariant.attacked):
        module, _, test = named.partition("::")
        file = f"{module}.py" if "/" in module else f"tests/integration/ledger/{module}.py"
        assert test in _tests(file), f"{test} is not in {file}"
