"""Every fault switch at every step: what the drawn scripts aim at, and that no switch is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pytest

from local.simulators.alpaca import faults as alpaca_faults
from local.simulators.tastytrade import faults as tastytrade_faults
from local.simulators.venue.faults import FaultKind
from tests.integration.faults import market, tastytrade_market
from tests.integration.faults.matrix import Cell, lines
from tests.integration.faults.playing import LONG, SHORT
from tests.integration.faults.scripts import script_of
from tests.printed import tell_table

Cells = Mapping[Cell, Mapping[str, Any]]
MATRIX: Final[dict[str, Cells]] = {"alpaca": market.ALPACA, "tastytrade": tastytrade_market.TASTYTRADE}
UNREACHED: Final = {"alpaca": market.UNREACHED, "tastytrade": tastytrade_market.UNREACHED}
TABLES: Final[dict[str, Mapping[str, FaultKind]]] = {
    "alpaca": alpaca_faults.TABLE,
    "tastytrade": tastytrade_faults.TABLE,
}


def aimed(seeds: Iterable[int], cells: Cells) -> Counter[Cell]:
    """In how many of these scripts a fault is aimed at each step."""
    return Counter(cell for seed in seeds for cell in set(script_of(seed, list(cells)).aims))


@pytest.mark.parametrize("broker", MATRIX)
def test_every_switch_when_a_simulator_has_it_then_the_matrix_does_or_says_why_not(broker: str) -> None:
    reached = {cell.switch for cell in MATRIX[broker]}
    assert reached | UNREACHED[broker].keys() == TABLES[broker].keys()
    assert reached & UNREACHED[broker].keys() == set()


@pytest.mark.parametrize("broker", MATRIX)
def test_scripts_of_chaos_when_drawn_then_every_switch_is_aimed_at_every_step(
    broker: str, request: pytest.FixtureRequest
) -> None:
    found = aimed(LONG, MATRIX[broker])
    tell_table(request, "faults aimed at steps, scripts of make chaos", lines(broker, found, MATRIX[broker]))
    assert found.keys() == MATRIX[broker].keys()


@pytest.mark.parametrize("broker", MATRIX)
def test_scripts_of_every_run_when_drawn_then_every_switch_is_met(broker: str) -> None:
    assert {cell.switch for cell in aimed(SHORT, MATRIX[broker])} == {cell.switch for cell in MATRIX[broker]}


@pytest.mark.parametrize("broker", MATRIX)
def test_script_when_drawn_again_then_it_is_the_same_and_no_two_seeds_share_one(broker: str) -> None:
    cells = list(MATRIX[broker])
    drawn = [script_of(seed, cells).steps for seed in (*SHORT, *LONG)]
    assert drawn == [script_of(seed, cells).steps for seed in (*SHORT, *LONG)]
    assert len({repr(steps) for steps in drawn}) == len(drawn)
