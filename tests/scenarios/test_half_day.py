"""The exchange closes at one in the afternoon: everything that goes by the close goes by the early one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT

# The day after Thanksgiving.
WEDNESDAY, HALF_DAY = date(2018, 11, 21), date(2018, 11, 23)
EARLY = datetime(2018, 11, 23, 18, 0, tzinfo=UTC)
CALL, PUT = "SPY181123C00260000", "SPY181130P00255000"


async def test_half_day_when_the_early_close_comes_then_no_entry_exits_go_and_it_ends_flat(scene: Opening) -> None:
    async with scene({WEDNESDAY: KNOWN, HALF_DAY: KNOWN | {165: "260", 173: SILENT, 187: "260"}}) as at:
        at.limit("last_minutes", "20")
        at.limit("expiry_close", "10", "flatten")
        # Forty minutes before the end; in the last thirty the broker opens no option that ends today.
        await at.open(170)
        at.decide(exit_plan={"exit_at": (EARLY - timedelta(minutes=5)).isoformat()})
        call = at.decide(quantity="2", symbol=CALL, order_type="limit", price="1.50")
        await at.minutes(2)
        assert (at.desk.position(), at.desk.position(CALL)) == (100, 2), at.refusal(call)
        await at.skip(17)
        # One rests against the exit that is to come, one until the close.
        adds = at.decide(quantity="10", order_type="limit", price="250")
        rests = at.decide(symbol=PUT, order_type="limit", price="0.01", quantity="1")
        await at.minutes(2)
        assert (at.status(adds), at.status(rests)) == ("submitted", "submitted"), at.refusal(rests)

        late = at.decide(quantity="20")
        await at.minutes()
        assert at.refusal_code(late) == "LAST_MINUTES"
        await at.minutes(7)
        assert at.orders() == []
        await at.minutes(2)
        assert at.orders() == [(CALL, "sell", 2, "filled")]
        # The broker takes no market order against what adds to the position: that goes, and the exit goes on.
        await at.minutes(5)
        assert [order for order in at.orders()[1:] if order[3] != "rejected"] == [("SPY", "sell", 100, "filled")]
        assert (at.status(adds), at.status(rests)) == ("canceled", "submitted")

        # The last minutes, and the close: what is good for the day ends with it.
        await at.minutes(5)
        assert at.market.now() >= EARLY
        assert at.status(rests) in ("expired", "canceled")
        at.ends()
