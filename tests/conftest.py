"""How the whole suite runs: compiled modules are kept, and what shares a costly server stays on one worker."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import printed
from tests.contract.brokers import conformance

# The tests start some hundred Python processes. Where the environment forbids to keep compiled modules, as containers
# do, each compiles all that it imports: three seconds for a broker's SDK. Kept here, nothing is written beside sources.
sys.dont_write_bytecode = False
sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(sys.prefix) / "pycache"))
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
# Two workers must see the cases of a test in one order, also where they come from a set.
os.environ.setdefault("PYTHONHASHSEED", str(random.randrange(1, 2**32)))

# Folders whose tests share servers for the whole session: with two workers (`make test`) each goes to one of them, the
# longest first. Every other file goes to whichever worker is free.
_TOGETHER = (
    "chaos",
    "security",
    "scenarios",
    "api",
    "integration/cli",
    "integration/strategies",
    "contract/supabase",
    "contract/bus",
    "integration/webhooks",
    "contract/realtime",
    "integration/runner",
    "contract/hotstore",
    "contract/archive",
    "contract/brokers",
    "contract/alpaca_simulator",
)


# Long cases with a server or a ledger of their own: each goes to whichever worker is free.
_APART = ("tests/breaking/", "tests/integration/ledger/test_books.py")


def _group(nodeid: str) -> str:
    """The folder that a test shares servers with, or its own file."""
    path = nodeid.partition("::")[0]
    if path.startswith(_APART):
        return nodeid
    return next((name for name in _TOGETHER if path.startswith(f"tests/{name}/")), path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups come first, so that no worker ends with one."""
    rank = {name: number for number, name in enumerate(_TOGETHER)}
    items.sort(key=lambda item: rank.get(_group(item.nodeid), len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hands whole groups to the workers, whatever `--dist` says; a test keeps the name by which it is run alone."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):  # type: ignore[misc] # the vendor has no types
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return Groups(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the tables that tests made, whichever worker ran them: their reports have come here."""
    passed, failed = (terminalreporter.stats.get(name, []) for name in ("passed", "failed"))
    tables = printed.tables([*passed, *failed])
    brokers = conformance.lines(passed, failed)
    if brokers:
        tables["broker conformance"] = brokers
    for title, lines in tables.items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
