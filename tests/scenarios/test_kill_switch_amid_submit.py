"""The kill switch is pulled while an order is on its way to the broker: it is cancelled or closed, never sent twice."""

from __future__ import annotations

import contextlib

import pytest

from functions.core.errors import Temporary
from tests.integration.faults.market import AlpacaMarket
from tests.integration.faults.matrix import Cell
from tests.integration.faults.scripts import Step
from tests.integration.ledger.ledger import Ledger
from tests.scenarios.halting import BOUGHT, RESTS, Halting

_ALWAYS = (("trades", "answered"), ("trades", "timeout_after_accept"), ("rests", "reset_before_accept"))
"""What every run tries; the rest is long."""


@pytest.mark.parametrize(
    ("order", "lost"),
    [
        pytest.param(order, lost, id=f"{name}-{lost}", marks=[] if (name, lost) in _ALWAYS else [pytest.mark.long])
        for name, order in (("trades", BOUGHT), ("rests", RESTS))
        for lost in ("answered", "timeout_after_accept", "reset_before_accept", "error_500_html")
    ],
)
async def test_kill_switch_when_pulled_in_the_middle_of_a_submit_then_nothing_is_unknown_and_all_is_flat(
    order: Step, lost: str, ledger: Ledger, alpaca: AlpacaMarket
) -> None:
    halting = Halting(ledger, alpaca)
    await halting.open(order)
    if lost != "answered":
        await halting.stage._switch_on(Cell(lost, "submit"), 1)
    halting.pull_at("broker.submit")
    with contextlib.suppress(Temporary):
        await halting.stage._routine("submit")
    assert halting.actions() == ["engaged"], "it was pulled while the order was on its way"

    await halting.until_done()

    halting.ended()
    sent = [order for order in alpaca.book().orders if order.client_order_id.startswith("at-")]
    entries = halting.stage.ledger_rows(
        "select client_order_id from public.trades where broker_account_id = %s and source = 'strategy'",
        halting.stage.desk.account,
    )
    assert len([one for one in sent if (one.client_order_id,) in entries]) <= 1, "never sent twice"
    await halting.over()
