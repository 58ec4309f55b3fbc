"""schemathesis against the running API: requests made up from the OpenAPI document, right and wrong."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.integration.ledger.desk import fill_every_table
from tests.printed import tell_table

_CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
_CASES = 3000
# Sign-outs end the sessions with which the others are asked, and a new password those of everybody.
_LEFT_OUT = ("logout",)


@pytest.fixture(scope="module")
def trader(sign_up: Callable[[str], Caller]) -> Caller:
    """Somebody with a day's orders, whose rows all make sense."""
    person = sign_up("fuzzed")
    assert person.desk is not None
    fill_every_table(person.desk)
    return person


def test_api_when_a_few_requests_of_every_route_are_made_up_then_all_answers_are_as_documented(
    trader: Caller, tmp_path: Path
) -> None:
    # A fixed seed: what fails here fails again.
    _fuzz(trader, tmp_path, "--phases", "fuzzing", "--max-examples", "1", "--seed", "7", "--generation-deterministic")


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
def test_api_when_thousands_of_requests_are_made_up_then_all_answers_are_as_documented(
    trader: Caller, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = random.randrange(1 << 32)
    report = _fuzz(trader, tmp_path, "--max-examples", "15", "--seed", str(seed))
    cases, operations = report["test_cases"]["generated"], report["operations"]["tested"]
    tell_table(
        request,
        "made-up requests",
        [f"{cases} cases of {operations} operations in {report['running_time']:.0f} s, seed {seed}: no check failed"],
    )
    assert cases >= _CASES


def _fuzz(trader: Caller, folder: Path, *arguments: str) -> dict[str, Any]:
    """All checks of all of schemathesis as somebody; its report. Fails with its words where a check fails."""
    address = str(trader.http.base_url).rstrip("/")
    left_out = [part for name in _LEFT_OUT for part in ("--exclude-operation-id", name)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION), "run"),
            *(f"{address}/openapi.json", "--url", address.removesuffix("/api"), "--checks", "all"),
            *("--header", f"Authorization: Bearer {trader.token}", "--workers", "2", "--continue-on-failure"),
            *("--report", "json", "--report-json-path", str(folder / "report.json"), *left_out, *arguments),
        ],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=1100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report
