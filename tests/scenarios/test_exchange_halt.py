"""The exchange halts a symbol: no quote, no fill. When it opens again, lower, what is held is closed, once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT, Day

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)
# It opens again in its twelfth minute.
HALTED: Mapping[date, Day] = {FRIDAY: KNOWN, MONDAY: {0: "260", 4: SILENT, 11: "240", 20: SILENT}}


async def test_exchange_halt_when_it_opens_again_through_the_stop_then_all_that_filled_is_sold_and_flat(
    scene: Opening,
) -> None:
    async with scene(HALTED) as at:
        await at.open()
        at.decide(exit_plan={"stop_price": "255"})
        await at.minutes()
        at.market.halt()
        await at.minutes()
        # Nobody knows yet: this one is sent, and waits at the exchange.
        waiting = at.decide(quantity="30")
        await at.minutes()
        assert at.status(waiting) == "submitted"
        await at.minutes(3)
        assert at.alerts("EXIT_BLIND") == ["EXIT_BLIND"]
        late = at.decide(quantity="40")
        await at.minutes(3)
        assert at.refusal_code(late) == "STALE_QUOTE"
        assert at.orders() == []
        assert at.desk.position() == 100

        at.market.clear_faults()
        await at.minutes()

        assert at.status(waiting) == "filled"
        assert sum(quantity for _, _, quantity, status in at.orders() if status == "filled") == 130
        await at.minutes()
        at.ends()


async def test_exchange_halt_when_the_kill_switch_flattens_in_it_then_one_order_waits_and_it_ends_flat(
    scene: Opening,
) -> None:
    async with scene(HALTED) as at:
        await at.open()
        at.decide()
        at.decide(quantity="10", order_type="limit", price="250")
        await at.minutes()
        at.market.halt()
        await at.minutes(2)

        at.desk.close("account", "flatten")
        await at.minutes(5)

        # A first one may have met the entry that was being cancelled; one waits, however often it was looked.
        assert [order for order in at.orders() if order[3] != "rejected"] == [("SPY", "sell", 100, "submitted")]
        assert at.orders("strategy")[1] == ("SPY", "buy", 10, "canceled")
        at.market.clear_faults()
        await at.minutes(3)
        assert [order for order in at.orders() if order[3] != "rejected"] == [("SPY", "sell", 100, "filled")]
        at.ends()
