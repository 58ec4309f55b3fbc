"""A strategy orders a thousand times in a minute: it is cut off, its few fills stay within its limits, and it ends."""

from __future__ import annotations

from datetime import date

import pytest

from tests.integration.ledger.desk import order_of
from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)


@pytest.mark.parametrize("breaker", [True, pytest.param(False, marks=pytest.mark.long)], ids=["breaker", "rate alone"])
async def test_runaway_when_a_thousand_orders_come_in_a_minute_then_a_few_are_sent_and_the_position_is_bounded(
    breaker: bool, scene: Opening
) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: {0: "260", 15: SILENT}}) as at:
        at.limit("order_rate_limit", "20", scope="strategy")
        at.limit("position_limit", "150", scope="strategy")
        if breaker:
            at.limit("circuit_rejects", "10", "flatten", scope="strategy")
        await at.open()
        placed = 0
        # Ten decisions of a hundred orders, in seconds of one minute: each order another one.
        for number in range(10):
            orders = [order_of(quantity=str(1 + (number + one) % 90), number=one) for one in range(100)]
            placed += len(at.decide_all(*orders))
            if number in (0, 5):
                await at.settle()
        await at.minutes(2)

        sent = [order for order in at.market.book().orders if order.client_order_id]
        if breaker:
            assert at.breaches().count(("circuit_rejects", "breached")) == 1
            assert placed < 200
            assert at.desk.position() == 0
            at.ends()
        else:
            assert placed == 1000
            assert len(sent) <= 20
            held = at.desk.position()
            assert 0 < held <= 150
            at.ends(SPY=str(held))
