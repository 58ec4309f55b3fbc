"""The tests of the invariants can fail: whatever is broken, one of those that it is for notices."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import psycopg
import pytest

from local.stack import PROJECT
from tests.breaking.breaks import BREAKS, apply
from tests.ledger_database import BREAK, ledger_server

_FAILED = re.compile(r"^FAILED (\S+?)(\[.*)? - ", re.MULTILINE)


@pytest.mark.long
@pytest.mark.parametrize("name", BREAKS)
def test_ledger_when_broken_then_a_test_of_that_invariant_fails(name: str) -> None:
    broken = BREAKS[name]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, *broken.noticed_by],
        cwd=PROJECT,
        env=os.environ | {BREAK: name, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    # A test that fails, not one that cannot be set up: that would prove nothing of what it asserts.
    noticed = {found.group(1) for found in _FAILED.finditer(done.stdout)}
    assert noticed, f"nobody noticed: {name}\n{done.stdout[-3000:]}"
    assert noticed <= set(broken.noticed_by)


def test_breaks_when_made_then_each_still_finds_what_it_breaks() -> None:
    with ledger_server() as server, server.clone() as dsn, psycopg.connect(dsn) as owner:
        for name in BREAKS:
            apply(name, owner)
            owner.rollback()


def test_breaks_when_listed_then_every_invariant_has_one() -> None:
    assert {broken.invariant for broken in BREAKS.values()} == set(range(1, 16))
