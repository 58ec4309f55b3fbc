"""tastytrade: whatever goes wrong at whichever step, the ledger ends equal to the broker's own book.

No order twice, no fill lost, no position that nobody has. Each seed is a script of its own.
"""

from __future__ import annotations

import pytest

from tests.integration.faults.market import Market
from tests.integration.faults.matrix import lines
from tests.integration.faults.playing import LONG, SEEDS, play, play_all
from tests.integration.ledger.ledger import Ledger
from tests.printed import tell_table


@pytest.mark.parametrize("seed", SEEDS)
async def test_tastytrade_when_a_fault_script_is_played_then_the_ledger_is_the_brokers_book(
    seed: int, ledger: Ledger, tastytrade: Market
) -> None:
    await play(seed, ledger, tastytrade)


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_tastytrade_when_three_hundred_fault_scripts_are_played_then_each_ends_as_the_brokers_book(
    ledger: Ledger, tastytrade: Market, request: pytest.FixtureRequest
) -> None:
    struck = await play_all(LONG, ledger, tastytrade)
    tell_table(
        request,
        "faults that struck at their step, scripts of make chaos",
        lines("tastytrade", struck, tastytrade.cells),
    )
    assert [cell for cell in tastytrade.cells if not struck[cell]] == []
