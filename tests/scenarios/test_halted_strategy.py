"""A strategy is halted while its trader's own order rests against what is to be sold: the broker refuses, once."""

from __future__ import annotations

from datetime import date

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)


async def test_halted_strategy_when_another_entry_of_the_account_rests_against_it_then_that_goes_and_flat(
    scene: Opening,
) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: {0: "260", 15: SILENT}}) as at:
        await at.open()
        at.decide()
        dip = {"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open", "quantity": "5", "price": "240"}
        by_hand = at.place(**dip)
        await at.minutes()
        assert (at.desk.position(), at.status(by_hand)) == (100, "submitted")

        at.desk.close("strategy", "flatten")
        await at.minutes(3)

        assert [order for order in at.orders() if order[3] != "rejected"] == [("SPY", "sell", 100, "filled")]
        assert at.status(by_hand) == "canceled"
        at.ends()
