"""The drawdown is broken while an entry is still filling: its rest is cancelled, all that filled is closed."""

from __future__ import annotations

from datetime import date

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT, Day, Price

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)
FALLS: Day = {0: "260", 3: Price("254", first="259"), 4: "253", 15: SILENT}


async def test_drawdown_when_broken_during_a_partial_fill_then_the_rest_is_cancelled_and_flat(scene: Opening) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: FALLS}) as at:
        at.limit("drawdown_from_peak", "500", "flatten")
        await at.open()
        # One part with every quote, four of them in a minute.
        at.market.fault("partial_fills", 1, {"least": 9, "most": 9})
        entry = at.decide(quantity="700")
        await at.minutes()
        assert at.status(entry) == "partially_filled"

        await at.minutes(4)

        assert at.status(entry) == "canceled"
        assert at.breaches().count(("drawdown_from_peak", "breached")) == 1
        filled = at.ledger.one("select filled_quantity from public.trades where id = %s", entry)
        assert 100 <= filled < 700
        assert sum(quantity for _, _, quantity, status in at.orders() if status == "filled") == filled
        at.ends()
