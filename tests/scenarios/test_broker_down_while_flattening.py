"""The broker answers errors while the kill switch flattens: it is tried until it works, told of, and ends flat."""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.faults.market import AlpacaMarket
from tests.integration.faults.matrix import Cell
from tests.integration.faults.scripts import Step
from tests.integration.ledger.ledger import Ledger
from tests.scenarios.halting import BOUGHT, PROTECTS, RESTS, Halting


@pytest.mark.parametrize("switch", ["error_500_html", "reset_before_accept"])
async def test_broker_down_when_flattening_for_a_while_then_it_is_told_and_ends_flat(
    switch: str, ledger: Ledger, alpaca: AlpacaMarket
) -> None:
    halting = Halting(ledger, alpaca)
    await halting.open(BOUGHT, Step("submit"), Step("move"), Step("sync"), RESTS, PROTECTS, Step("submit"))
    assert halting.stage.desk.position() == 5
    for step in ("submit", "cancel"):
        await halting.stage._switch_on(Cell(switch, step), -1)

    halting.pull()
    for _ in range(3):
        await halting.round()
    if switch == "reset_before_accept":
        assert halting.progress()[0][0] is False
        assert halting.stage.desk.position() == 5
        assert halting.alerts() == []
        halting.a_minute_ago()
        await halting.round()
        assert halting.alerts() == [("HALT_NOT_DONE", "critical")]
    alpaca.clear_faults()
    await halting.until_done()
    await asyncio.to_thread(halting.flattener.continue_halts)

    halting.ended()
    assert halting.actions() == ["engaged", "flat"]
    if switch == "reset_before_accept":
        assert halting.alerts() == [("HALT_NOT_DONE", "critical"), ("HALT_DONE", "info")]
    await halting.over()
