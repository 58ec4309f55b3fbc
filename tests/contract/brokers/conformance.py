"""The table that the contract suite prints: what each broker passes, and what it takes of every kind of order.

It is made of the tests' reports, so it is printed whoever ran them: this process, or workers whose reports it gets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import pytest

BROKERS: Final = ("alpaca", "tastytrade")
TOLD: Final = "conformance"
"""The name of a test's own property: (what was asked, what became of it)."""
_FOLDER: Final = "tests/contract/brokers/"
_WIDTH: Final = 46


def told(request: pytest.FixtureRequest, asked: str, became: str) -> None:
    """Puts a line of its own into the table: what the broker of this test makes of an order."""
    request.node.user_properties.append((TOLD, (asked, became)))


def lines(passed: Iterable[pytest.TestReport], failed: Iterable[pytest.TestReport]) -> list[str]:
    """The table's lines; none where no test of the contract ran."""
    counts: dict[str, Counter[tuple[str, bool]]] = {}
    asked: dict[str, dict[str, str]] = {}
    for is_passed, reports in ((True, passed), (False, failed)):
        for report in reports:
            broker = _broker(report)
            if broker is None:
                continue
            counts.setdefault(_operation(report), Counter())[broker, is_passed] += 1
            for name, value in report.user_properties:
                if name == TOLD and isinstance(value, Sequence):
                    asked.setdefault(str(value[0]), {})[broker] = str(value[1]) if is_passed else "FAILED"
    if not counts:
        return []
    operations = [_line(name, [_count(counts[name], broker) for broker in BROKERS]) for name in sorted(counts)]
    orders = [_line(name, [found.get(broker, "-") for broker in BROKERS]) for name, found in sorted(asked.items())]
    table = [_line("operation (tests passed)", BROKERS), *operations]
    return [*table, "", _line("order", BROKERS), *orders] if orders else table


def _broker(report: pytest.TestReport) -> str | None:
    if report.when != "call" or not report.nodeid.startswith(_FOLDER) or "[" not in report.nodeid:
        return None
    parameters = report.nodeid.partition("[")[2].rstrip("]").split("-")
    return next((broker for broker in BROKERS if broker in parameters), None)


def _operation(report: pytest.TestReport) -> str:
    """What the test's name says before its condition."""
    name = report.nodeid.partition("[")[0].rpartition("::")[2]
    return name.removeprefix("test_").partition("_when_")[0].replace("_", " ")


def _count(counts: Counter[tuple[str, bool]], broker: str) -> str:
    passed, failed = counts[broker, True], counts[broker, False]
    return f"{passed}/{passed + failed}" if passed + failed else "-"


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:{_WIDTH}}" + "".join(f"{cell:>16}" for cell in cells)
