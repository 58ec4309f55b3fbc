"""The market opens far below a stop: what is held is sold at the first price there is, once, and nothing before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT

FRIDAY, MONDAY, TUESDAY = date(2018, 2, 2), date(2018, 2, 5), date(2018, 2, 6)


async def test_gap_open_when_it_opens_through_the_stop_then_sold_once_at_the_first_price_and_flat(
    scene: Opening,
) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: KNOWN | {388: "260"}, TUESDAY: {0: "240", 5: SILENT}}) as at:
        await at.open()
        entry = at.decide(exit_plan={"stop_price": "255"})
        await at.minutes()
        assert at.status(entry) == "filled", at.refusal(entry)
        # To the close, and the hour after it.
        await at.skip(387)
        await at.skip(13)
        assert at.orders() == []

        # The open, and its first minute.
        await at.minutes(2)

        assert at.orders() == [("SPY", "sell", 100, "filled")]
        # The ask of the entry, the bid of the open.
        assert at.realised() == 100 * (Decimal("239.99") - Decimal("260.01"))
        await at.minutes()
        assert len(at.orders()) == 1
        at.ends()
