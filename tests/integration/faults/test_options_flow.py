"""An order in options goes the whole way on every broker: placed, quoted, judged, sent, filled, booked, verified.

The real functions, the real ledger, the real adapter, the real simulator, in one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from functions.core.instruments import OptionSymbol
from functions.risk.watch.exits import ExitWatch
from tests.integration.faults.flow import Flow
from tests.integration.ledger.ledger import Ledger
from tests.ledger_database import LedgerServer, ledger_server

MARKETS = ("alpaca", "tastytrade")


@pytest.fixture(scope="module")
def server() -> Iterator[LedgerServer]:
    with ledger_server() as running:
        yield running


@pytest.fixture
def own_ledger(server: LedgerServer) -> Iterator[Ledger]:
    """Of one test: `verify` asks for every account that is in it."""
    with server.clone() as dsn:
        opened = Ledger(dsn)
        yield opened
        opened.close()


@pytest.fixture(params=MARKETS)
async def flow(request: pytest.FixtureRequest, own_ledger: Ledger) -> Flow:
    made = Flow(own_ledger, request.getfixturevalue(request.param))
    await made.open()
    return made


async def test_single_option_when_placed_by_hand_then_filled_held_and_closed_and_all_agrees(flow: Flow) -> None:
    symbol, *_ = await flow.calls()
    price = str(await flow.mid(symbol) + Decimal("0.50"))
    bought = flow.place(symbol=symbol, side="buy", position_intent="buy_to_open", price=price, quantity="2")
    assert await flow.whole(bought) == "filled", flow.refusal(bought)
    assert flow.stage.desk.position(symbol) == 2
    marked = flow.ledger.one("select mark from public.position_marks where symbol = %s", symbol)
    assert abs(marked - await flow.mid(symbol)) < 1
    flow.verified()
    sold = flow.place(symbol=symbol, side="sell", position_intent="sell_to_close", price="0.01", quantity="2")
    await flow.judge()
    # What only reduces waits for no quote.
    assert flow.status(sold) == "approved", flow.refusal(sold)
    await flow.send()
    assert flow.status(sold) == "filled"
    assert flow.stage.desk.position(symbol) == 0
    flow.verified()


async def test_vertical_spread_when_placed_by_hand_then_both_legs_fill_and_all_agrees(flow: Flow) -> None:
    low, _, _, high, *_ = await flow.calls()
    net = await flow.mid(low) - await flow.mid(high)
    legs = [
        {"symbol": low, "side": "buy", "position_intent": "buy_to_open"},
        {"symbol": high, "side": "sell", "position_intent": "sell_to_open"},
    ]
    desk = flow.stage.desk
    width = OptionSymbol.parse(high).strike - OptionSymbol.parse(low).strike
    desk.set_limit("max_loss_per_trade", str(width * 300))
    desk.set_limit("capital_limit", str(width * 300))
    trade = flow.place(legs=legs, price=str(net + Decimal("0.50")), quantity="3")
    assert await flow.whole(trade) == "filled", flow.refusal(trade)
    assert (desk.position(low), desk.position(high)) == (3, -3)
    filled = flow.ledger.rows(
        "select symbol, sum(case side when 'buy' then quantity else -quantity end) from public.fills "
        "where trade_id = %s group by symbol order by 2",
        trade,
    )
    assert filled == [(high, -3), (low, 3)]
    paid = flow.ledger.one("select fill_price from public.trades where id = %s", trade)
    assert 0 < paid <= net + Decimal("0.50")
    flow.verified()


async def test_spread_when_its_stop_is_gapped_through_then_what_was_sold_is_closed_first_and_it_ends_flat(
    flow: Flow,
) -> None:
    low, _, _, high, *_ = await flow.calls()
    legs = [
        {"symbol": low, "side": "sell", "position_intent": "sell_to_open"},
        {"symbol": high, "side": "buy", "position_intent": "buy_to_open"},
    ]
    credit = await flow.mid(low) - await flow.mid(high)
    # To buy it back costs more than that from the first price on.
    plan = {"stop_price": "-0.01"}
    trade = flow.place(legs=legs, price=str(Decimal("0.50") - credit), quantity="2", exit_plan=plan)
    assert await flow.whole(trade) == "filled", flow.refusal(trade)
    for _ in range(2):
        await flow.quote()
        await asyncio.to_thread(ExitWatch(flow.ports("risk")).sweep)
        await flow.judge()
        await flow.send()
    await asyncio.to_thread(ExitWatch(flow.ports("risk")).sweep)
    closed = "select symbol, side, status, refusal from public.trades where source = 'risk' order by placed_number"
    assert flow.ledger.rows(closed) == [(low, "buy", "filled", None), (high, "sell", "filled", None)]
    ended = "select status, triggered_by, round from public.position_exits"
    assert flow.ledger.rows(ended) == [("done", "stop", 2)]
    flow.verified()


async def test_option_when_the_brokers_level_is_too_low_then_rejected_in_its_own_words(flow: Flow) -> None:
    symbol, *_ = await flow.calls()
    price = str(await flow.mid(symbol) + Decimal("0.50"))
    trade = flow.place(symbol=symbol, side="buy", position_intent="buy_to_open", price=price)
    # The broker took it away after it was last asked: risk knows nothing of it yet.
    flow.market.change_account(options_level=0)
    try:
        assert await flow.whole(trade) == "rejected"
    finally:
        flow.market.change_account(options_level=3)
    words = {"alpaca": "not eligible to trade", "tastytrade": "option"}[flow.market.name]
    assert words in (flow.refusal(trade) or "").lower()
    flow.verified()


async def test_option_when_never_quoted_then_it_waits_and_expires_unsent(flow: Flow) -> None:
    symbol, *_ = await flow.calls()
    unlisted = str(replace(OptionSymbol.parse(symbol), strike=Decimal("123.456")))
    trade = flow.place(symbol=unlisted, side="buy", position_intent="buy_to_open", price="1.00")
    await flow.judge()
    assert await flow.quote() == 0
    await flow.judge()
    assert flow.status(trade) == "pending"
    alert = "select text from public.alerts where code = 'DATA_REJECTED'"
    assert "lists nothing" in flow.ledger.one(alert)
    flow.ledger.tamper("update public.trades set good_until = %s where id = %s", flow.market.now(), trade)
    flow.market.move()
    await flow.judge()
    assert flow.status(trade) == "expired"
    flow.verified()
