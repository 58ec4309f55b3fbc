"""A stop that rests at the broker holds while nothing here runs: the price falls through it, and the books follow.

The real functions, the real ledger, the real adapter, the real simulator, in one process.
"""

from __future__ import annotations

import asyncio

import pytest

from functions.risk.watch.exits import ExitWatch
from tests.integration.faults.flow import Flow
from tests.integration.faults.market import price
from tests.integration.faults.test_options_flow import own_ledger, server
from tests.integration.ledger.ledger import Ledger

__all__ = ["own_ledger", "server"]
_MOST_MINUTES = 360


@pytest.mark.parametrize("broker", ["alpaca", pytest.param("tastytrade", marks=pytest.mark.long)])
async def test_stop_when_the_price_falls_through_it_while_nothing_here_runs_then_the_broker_has_closed_and_all_agrees(
    broker: str, own_ledger: Ledger, request: pytest.FixtureRequest
) -> None:
    flow = Flow(own_ledger, request.getfixturevalue(broker))
    await flow.open()
    desk, market = flow.stage.desk, flow.market
    stop = int(price(market)) - 1
    bought = flow.place(
        symbol="SPY", side="buy", position_intent="buy_to_open", order_type="market", quantity="10",
        exit_plan={"stop_price": str(stop), "held": "broker"},
    )  # fmt: skip
    assert desk.approve(bought, str(price(market))) == "approved"
    await flow.send()
    assert (flow.status(bought), desk.position()) == ("filled", 10)
    await asyncio.to_thread(ExitWatch(flow.ports("risk")).settle, desk.account)
    await flow.judge()
    await flow.send()
    rests = "select id, status, refusal from public.trades where source = 'risk'"
    ((rest, status, refusal),) = own_ledger.rows(rests)
    assert status == "submitted", refusal
    assert [one.is_open for one in market.book().orders if one.client_order_id.startswith("at-")].count(True) == 1

    # Nothing here runs: no watch, no judge, no stream.
    for _ in range(_MOST_MINUTES):
        if not market.book().positions:
            break
        market.move()
    assert (market.book().positions, desk.position()) == ({}, 10)

    await flow.stage._routine("sync")
    await asyncio.to_thread(ExitWatch(flow.ports("risk")).settle, desk.account)
    ended = "select status, triggered_by, held, exit_trade_id, rest_trade_id from public.position_exits"
    assert own_ledger.rows(ended) == [("done", "stop", "broker", rest, rest)]
    assert own_ledger.rows(rests) == [(rest, "filled", None)]
    assert desk.position() == 0
    flow.verified()
