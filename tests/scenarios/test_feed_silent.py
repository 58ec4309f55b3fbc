"""The feed is silent while the market goes on: nothing is made up, somebody is told, exits that need no price go."""

from __future__ import annotations

from datetime import date, timedelta

from tests.scenarios.conftest import Opening
from tests.scenarios.written_market import KNOWN, SILENT

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)


async def test_feed_silent_when_the_market_falls_unseen_then_no_entry_it_is_told_and_the_time_exit_ends_flat(
    scene: Opening,
) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: {0: "260", 6: "240", 30: SILENT}}) as at:
        at.limit("max_daily_loss", "1000", "flatten")
        at.limit("circuit_volatility", "5", "block_entries", within_minutes="3")
        await at.open()
        out_at = at.market.now() + timedelta(minutes=14)
        at.decide(exit_plan={"stop_price": "255", "exit_at": out_at.isoformat()})
        await at.minutes()
        assert at.desk.position() == 100

        at.market.silence_feed()
        await at.minutes(4)
        assert at.alerts("EXIT_BLIND") == ["EXIT_BLIND"]
        entry = at.decide(quantity="10")
        await at.minutes()
        assert at.refusal_code(entry) == "STALE_QUOTE"
        await at.minutes(7)

        # 2 000 dollars are lost and nobody can know: no number is made up, nothing fires, and a person was told.
        assert at.orders() == []
        assert at.breaches() == []
        assert sorted(at.alerts("WATCH_BLIND", "BREAKER_BLIND", "EXIT_BLIND")) == [
            *("BREAKER_BLIND", "EXIT_BLIND", "WATCH_BLIND")
        ]
        await at.minutes(2)
        assert at.orders() == [("SPY", "sell", 100, "filled")]
        at.ends()


async def test_feed_silent_when_the_kill_switch_is_pulled_then_it_needs_no_price_and_ends_flat(scene: Opening) -> None:
    async with scene({FRIDAY: KNOWN, MONDAY: {0: "260", 6: "240", 30: SILENT}}) as at:
        await at.open()
        at.decide()
        await at.minutes()
        at.market.silence_feed()
        await at.minutes(4)

        at.desk.close("account", "flatten")
        await at.minutes()

        assert at.orders() == [("SPY", "sell", 100, "filled")]
        at.ends()
