"""The undisturbed day that every disturbed one is held against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.arena import Ledger, arena, trade
from tests.chaos.strikes import FOLDER, WHEN

# Minutes of tape. Twenty reach every step that forty do: orders are filled, one is refused. `make chaos` plays forty.
SHORT, LONG = 20, 40
DAYS = [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
"""The days that `undisturbed` is parametrised with."""


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The ledger of a day without faults, and the steps that were seen in it."""

    minutes: int
    ledger: Ledger
    steps: frozenset[str]


def strike_folder(parent: Path) -> Path:
    """Where strikes keep what was seen and what was struck."""
    for name in ("seen", "struck"):
        (parent / name).mkdir()
    return parent


def steps(folder: Path) -> frozenset[str]:
    """The names of the steps kept in a folder."""
    return frozenset(path.name for path in folder.iterdir())


@pytest.fixture(scope="session")
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    minutes: int = request.param
    folder = strike_folder(tmp_path_factory.mktemp("undisturbed"))
    watch = {"AGENTTRADER_PORTS_WRAPPER": "tests.chaos.strikes:wrap", FOLDER: str(folder), WHEN: "never"}
    with arena(watch) as cloud:
        ledger = trade(cloud, minutes)
    return Undisturbed(minutes, ledger, steps(folder / "seen"))
