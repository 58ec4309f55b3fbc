"""What edge functions share, tested in their own language: `deno test` on supabase/functions."""

from __future__ import annotations

import os
import subprocess

from local.stack import PROJECT
from local.supervisor import tools

_SECONDS = 120


def test_edge_functions_when_deno_tests_them_then_every_case_passes() -> None:
    done = subprocess.run(
        [
            tools.deno() or "deno",
            "test",
            "--quiet",
            "--cached-only",
            "--frozen",
            "--no-prompt",
            # `make lint` checks the types.
            "--no-check",
            "--allow-net=127.0.0.1",
            "--allow-env",
        ],
        cwd=PROJECT / "supabase" / "functions",
        env=os.environ | {"DENO_DIR": str(PROJECT / ".tools" / "deno"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed | 0 failed" in done.stdout
