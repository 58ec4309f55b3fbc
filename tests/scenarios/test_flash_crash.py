"""Prices fall by a tenth within a minute and come back: stops sell, a breaker and the daily loss close the rest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT, Day, Price

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)
BID = Decimal("235.90")
CRASH: Day = {0: "260", 4: Price("236", first="259", spread="0.20"), 5: Price("250", first="236"), 6: "258", 15: SILENT}


async def test_flash_crash_when_prices_fall_by_a_tenth_and_come_back_then_flat_and_nothing_is_bought_in_it(
    scene: Opening,
) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: CRASH}) as at:
        at.limit("circuit_volatility", "5", "block_entries", scope="strategy")
        at.limit("max_daily_loss", "3000", "flatten")
        await at.open()
        # One position with a stop, one without, and an order that waits to buy the dip.
        stopped = at.decide(quantity="100", exit_plan={"stop_price": "255"})
        by_hand = at.place(symbol="SPY", side="buy", position_intent="buy_to_open", order_type="market", quantity="50")
        dip = at.decide(quantity="20", order_type="limit", price="240")
        await at.minutes(2)
        assert [at.status(one) for one in (stopped, by_hand, dip)] == ["filled", "filled", "submitted"]

        await at.minutes()

        # The exchange was quicker than anybody: the dip was bought, and is closed with the rest.
        assert at.status(dip) == "filled"
        assert at.market.book().positions == {}
        assert sorted(at.orders()) == [
            ("SPY", "sell", 20, "filled"),
            ("SPY", "sell", 50, "filled"),
            ("SPY", "sell", 100, "filled"),
        ]
        assert sorted(at.breaches()) == [("circuit_volatility", "breached"), ("max_daily_loss", "breached")]
        # A strategy that sees a bargain buys none, neither in the crash nor when prices are back.
        for _ in range(2):
            assert at.refused(quantity="500") == "GATE_CLOSED"
            await at.minutes()
        assert len(at.orders()) == 3
        # At the bid of the crash, once: no more than that is lost.
        assert at.realised() == 150 * (BID - Decimal("260.01")) + 20 * (BID - 240)
        at.ends()
