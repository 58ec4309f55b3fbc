"""The dashboard's own tests, in their own language: `vitest` on dashboard/src."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from local.stack import PROJECT
from local.supervisor import tools

_SECONDS = 300
_LEAST = 25
"""Fewer would mean that vitest no longer finds them."""


def test_dashboard_when_vitest_runs_it_then_every_case_passes(tmp_path: Path) -> None:
    folder = PROJECT / "dashboard"
    written = tmp_path / "report.json"
    done = subprocess.run(
        [
            tools.node() or "node",
            str(folder / "node_modules" / "vitest" / "vitest.mjs"),
            "run",
            "--no-file-parallelism",
            "--reporter=json",
            f"--outputFile={written}",
        ],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1", "CI": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert written.exists(), done.stdout + done.stderr
    report = json.loads(written.read_text())
    failed = [
        "\n".join([case["fullName"], *case["failureMessages"]])
        for file in report["testResults"]
        for case in file["assertionResults"]
        if case["status"] == "failed"
    ]
    assert not failed, "\n\n".join(failed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report["numPassedTests"] >= _LEAST
