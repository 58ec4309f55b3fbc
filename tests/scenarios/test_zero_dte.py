"""A minute before the close an option that ends today is still open: it is bought back, and none is opened."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)
CLOSE = datetime(2018, 2, 5, 21, 0, tzinfo=UTC)
PUT, LOWER, CALL = "SPY180205P00260000", "SPY180205P00258000", "SPY180205C00261000"


async def test_zero_dte_when_it_is_a_minute_to_four_then_what_is_open_is_closed_and_nothing_is_opened(
    scene: Opening,
) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: KNOWN | {354: "260", 362: SILENT, 384: "259.50"}}) as at:
        at.limit("expiry_close", "1", "flatten")
        # To half past three less two minutes: the broker opens none of these later.
        await at.open(358)
        spread = at.place(
            legs=[
                {"symbol": PUT, "side": "sell", "position_intent": "sell_to_open"},
                {"symbol": LOWER, "side": "buy", "position_intent": "buy_to_open"},
            ],
            quantity="3",
            price="-0.05",
        )
        await at.minutes(2)
        assert (at.desk.position(PUT), at.desk.position(LOWER)) == (-3, 3), at.refusal(spread)
        await at.skip(27)
        assert at.orders() == []

        # It is in the money by half a dollar: left alone, three hundred shares would come.
        await at.minutes()
        assert at.market.now() < CLOSE
        entry = at.decide(symbol=CALL, order_type="limit", price="0.50", quantity="1")
        await at.minutes()

        assert at.refusal_code(entry) == "ZERO_DTE_CUTOFF"
        await at.minutes(2)
        at.ends()
