"""Tables that tests print at the end of a run, whichever process ran them.

A table travels with its test's report: a worker's reports reach the process that prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

_TABLE = "table"


def tell_table(request: pytest.FixtureRequest, title: str, lines: Sequence[str]) -> None:
    """Has a table printed under this title when all tests are done; those of one title one after the other."""
    request.node.user_properties.append((_TABLE, [title, list(lines)]))


def tables(reports: Iterable[pytest.TestReport]) -> dict[str, list[str]]:
    """What the tests told, by title, in the order of their names."""
    found: dict[str, list[str]] = {}
    for report in sorted(reports, key=lambda one: one.nodeid):
        for name, value in report.user_properties:
            if name == _TABLE and report.when == "call" and isinstance(value, Sequence):
                found.setdefault(str(value[0]), []).extend(["", *value[1]])
    return found
