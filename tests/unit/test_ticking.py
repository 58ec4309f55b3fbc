"""scripts/ticking.sh: a quiet command is seen to go on, and ends as it ended."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TICKING = str(Path(__file__).resolve().parents[2] / "scripts" / "ticking.sh")


def test_ticking_when_nobody_watches_then_the_command_alone_speaks_and_its_exit_code_is_kept() -> None:
    ended = subprocess.run([TICKING, "sh", "-c", "echo said; exit 7"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "said\n", "")


def test_ticking_when_on_a_terminal_then_seconds_are_shown_and_the_exit_code_is_kept() -> None:
    ours, theirs = os.openpty()
    ended = subprocess.run([TICKING, "sh", "-c", "sleep 1; exit 7"], stderr=theirs, check=False)
    os.close(theirs)
    shown = os.read(ours, 1000).decode()
    os.close(ours)
    assert ended.returncode == 7
    assert "0 s" in shown
