"""A put is assigned overnight: the shares are recognised in the morning, told of, and sold at the open."""

from __future__ import annotations

from datetime import date

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT, Day

FRIDAY, MONDAY, TUESDAY = date(2018, 2, 2), date(2018, 2, 5), date(2018, 2, 6)
PUT = "SPY180205P00260000"


async def test_assignment_overnight_when_a_rule_wants_no_shares_then_they_are_sold_at_the_open_and_flat(
    scene: Opening,
) -> None:
    # Three dollars in the money at the close, and lower the next morning.
    days: dict[date, Day] = {FRIDAY: KNOWN, MONDAY: KNOWN | {388: "257"}, TUESDAY: {0: "255", 5: SILENT}}
    async with scene(days) as at:
        at.limit("assigned_shares", "0", "flatten")
        await at.open()
        put = at.decide("sell", "1", symbol=PUT, order_type="limit", price="0.20")
        await at.minutes(2)
        assert at.desk.position(PUT) == -1, at.refusal(put)
        # What the close books is shown the next morning.
        at.market.fault("activities_next_day", 1, {})
        await at.skip(386)
        await at.skip(13)
        assert at.orders() == []

        # The open, and the minute in which it is told.
        await at.minutes(3)

        assert at.alerts("ASSIGNED") == ["ASSIGNED"]
        assert at.orders() == [("SPY", "sell", 100, "filled")]
        assert at.desk.position(PUT) == 0
        at.ends()
