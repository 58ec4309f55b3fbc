"""How the whole suite runs: compiled modules are kept, and what shares a costly server stays on one worker."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from local.stack import PROJECT

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
    "integration/cli",
    "contract/supabase",
    "contract/bus",
    "integration/webhooks",
    "contract/realtime",
    "integration/runner",
    "contract/hotstore",
    "contract/brokers",
    "contract/alpaca_simulator",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Names the group of each test for `--dist loadgroup`, and sorts them so that no worker ends with a long one."""
    tests = PROJECT / "tests"
    order: dict[str, int] = {name: number for number, name in enumerate(_TOGETHER)}
    ranked: list[tuple[int, pytest.Item]] = []
    for item in items:
        path = item.path.relative_to(tests)
        group = next((name for name in _TOGETHER if path.is_relative_to(name)), path.as_posix())
        item.add_marker(pytest.mark.xdist_group(group))
        ranked.append((order.setdefault(group, len(order)), item))
    items[:] = [item for _, item in sorted(ranked, key=lambda pair: pair[0])]
