"""What the suite itself leans on: ports and folders of one's own, and nothing left behind by a run that was killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from local.stack import PROJECT
from tests.machine import free_port, free_ports, new_folder

_KILLED = """
import os, signal
from tests.machine import new_folder
print(new_folder("killed"), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_folder_when_its_process_was_killed_then_gone_with_the_next_and_a_living_ones_stays() -> None:
    mine = new_folder("living")
    try:
        done = subprocess.run([sys.executable, "-c", _KILLED], cwd=PROJECT, capture_output=True, text=True, check=False)
        left = Path(done.stdout.strip())
        assert left.name.startswith("agenttrader-test-killed-")
        shutil.rmtree(new_folder("next"))
        assert not left.exists()
        assert mine.exists()
    finally:
        shutil.rmtree(mine)


def test_ports_when_taken_one_after_the_other_then_none_is_given_twice() -> None:
    first = free_ports(10)
    given = {free_port() for _ in range(200)}
    assert len(given) == 200
    assert given.isdisjoint(range(first, first + 10))
