"""Imports point down, vendors stay in their rooms, and what is generated is never stale."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Checks the packages of a folder by the contracts in it."""
    return subprocess.run(
        [LINT, "--no-cache", "--config", folder / ".importlinter"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": str(LINT.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_floors_when_the_code_is_as_it_is_then_every_contract_is_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of the project, to be spoilt."""
    folder = tmp_path_factory.mktemp("floors")
    for package in ("functions", "local"):
        shutil.copytree(ROOT / package, folder / package, ignore=_only_python)
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def _only_python(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()} | {
        "node_modules",
        "__pycache__",
    }


@pytest.mark.parametrize(
    ("module", "imports", "contract"),
    [
        ("functions/core/money.py", "functions.risk.rule", "Imports point down"),
        ("functions/risk/rule.py", "functions.strategy.interface", "Imports point down"),
        ("functions/report/daily_pnl.py", "functions.brokers.protocol", "Only those who trade"),
        ("functions/execute/accounts.py", "functions.risk.rule", "Only the backtest"),
        ("functions/core/ports.py", "functions.worker", "Nothing imports the doors"),
        ("functions/strategy/bars.py", "alpaca.data.historical", "Only brokers knows"),
        ("functions/report/daily_pnl.py", "supabase", "Only the ledger's transport"),
        ("functions/risk/judging.py", "psycopg", "Functions reach Postgres"),
        ("functions/core/log.py", "google.cloud.logging", "Only the bus and the hot store"),
    ],
)
def test_floors_when_an_import_points_the_wrong_way_then_its_contract_is_broken(
    module: str, imports: str, contract: str, copy: Path
) -> None:
    path = copy / module
    before = path.read_text()
    path.write_text(f"{before}\nimport {imports}\n")
    try:
        done = lint(copy)
    finally:
        path.write_text(before)
    assert done.returncode != 0
    broken = [line for line in done.stdout.splitlines() if "BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), done.stdout


def test_event_schemas_when_the_events_change_then_the_file_is_made_again() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "generate_event_schemas.py"))["document"]()
    written = (ROOT / "docs" / "events.schema.json").read_text(encoding="utf-8")
    assert written == made, "docs/events.schema.json is stale: run `python -m scripts.generate_event_schemas`"
