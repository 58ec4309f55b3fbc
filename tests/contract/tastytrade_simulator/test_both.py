"""Both simulators on one tape, as the conductor moves them."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import pytest

from functions.core.errors import Unavailable
from local.conductor.market import Market
from local.tape.sessions import MarketCalendar
from local.verify import Executed
from tests.contract.alpaca_simulator.running import ALICE as ALPACA_ALICE
from tests.contract.alpaca_simulator.running import start
from tests.contract.tastytrade_simulator.running import ALICE, Running, market


async def test_market_when_it_holds_both_simulators_then_they_move_in_step_and_show_the_same_prices(
    tastytrade: Running, calendar: MarketCalendar
) -> None:
    alpaca, stop = start(calendar)
    try:
        with closing(Market(alpaca.url, tastytrade.url)) as both:
            for _ in range(5):
                state = both.advance()
            assert (state.minute_index, state.is_open) == (3, True)
            spy = alpaca.simulator.prices.quote("SPY")
            assert spy == tastytrade.simulator.prices.quote("SPY")
            bar = alpaca.simulator.prices.last_bar("SPY")
            assert bar is not None
            assert both.positions()["stream_market_data/SPY"] == bar.ends_at
            async with tastytrade.account() as (session, account):
                placed = await account.place_order(session, market(2, name="cid"), dry_run=False)
            book = both.book(ALICE)
            assert book.positions == {"SPY": Decimal(2)}
            assert book.orders == (("cid", str(placed.order.id), False),)
            assert book.fills == {(str(placed.order.id), "SPY"): Executed(1, Decimal(2))}
            assert book.cash_moved_at is not None
            assert book.cash < Decimal(100000)
            untouched = both.book(ALPACA_ALICE)
            assert (untouched.fills, untouched.cash, untouched.cash_moved_at) == ({}, Decimal(100000), None)
            assert both.book(ALPACA_ALICE).positions == {}
            with pytest.raises(Unavailable, match="nobody"):
                both.book("nobody")
            tastytrade.advance()
            with pytest.raises(Unavailable, match="apart"):
                both.state()
    finally:
        stop()
