"""An order in options goes the whole way on every broker: placed, quoted, judged, sent, filled, booked, verified.

The real functions, the real ledger, the real adapter, the real simulator, in one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from functions.brokers.markets import OptionContract, OptionQuote
from functions.core.instruments import OptionSymbol
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.ports import Ports
from functions.execute.watching import send_approved
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.options import OptionQuotes
from functions.relay.publishing import publish_outbox
from functions.risk.judging import Judge
from functions.risk.watch.exits import ExitWatch
from local.conductor.market import Market as Books
from local.verify import verify
from tests.integration.faults.market import Market, price
from tests.integration.faults.stage import Stage
from tests.integration.ledger.ledger import Direct, Ledger
from tests.ledger_database import LedgerServer, ledger_server
from tests.unit.core.doubles import World

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


class Relaying:
    """The ledger as the relay calls it: through REST a list of ids is an array."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        if function == "mark_published":
            return self._ledger.one("select public.mark_published(%s)", arguments["p_ids"])
        return Direct(self._ledger, "fn_relay").call(function, arguments)


class Flow:
    """One account, and each function of the way, called where a message would wake it."""

    def __init__(self, ledger: Ledger, market: Market) -> None:
        self.ledger, self.market = ledger, market
        self.stage = Stage(ledger, market, watched=True)
        # As it is after its credential was tried at the broker: `verify` compares no other.
        ledger.tamper(
            "update public.broker_accounts "
            "set link_state = 'verified', trading_entered_at = now(), link_entered_at = now()"
        )
        self.world = World()
        self.data = market.market_data()
        self._orders = 0

    def ports(self, folder: str) -> Ports:
        self.world.clock.at = self.market.now()
        made = self.world.ports
        return replace(made, ledger=Direct(self.ledger, f"fn_{folder}"))

    async def open(self) -> None:
        """The calendar, and the account's rules and money, as its broker has them."""
        await sync_calendar(MarketDataLedger(self.ports("ingest").ledger), self.data)
        await self.stage._routine("sync")

    async def calls(self) -> list[str]:
        """The symbols of calls of one expiry, by strike, the one nearest to the money first."""
        chain = await self.data.option_chain("SPY")
        found = [one for one in chain if isinstance(one, OptionContract) and one.right == "call"]
        day = sorted({one.expiry for one in found})[3]
        money = price(self.market)
        return [
            one.symbol
            for one in sorted(found, key=lambda one: one.strike)
            if one.expiry == day and one.strike >= money.to_integral_value()
        ]

    async def mid(self, symbol: str) -> Decimal:
        (quote,) = await self.data.option_quotes([symbol])
        assert isinstance(quote, OptionQuote)
        return ((_said(quote.bid) + _said(quote.ask)) / 2).quantize(Decimal("0.01"))

    def place(self, **order: Any) -> UUID:
        """A trader's own order; the ledger times it by the machine's clock, so it is moved to the tape's."""
        self._orders += 1
        desk = self.stage.desk
        said = {
            "idempotency_key": f"order {self._orders}",
            "broker_account_id": str(desk.account),
            "order_type": "limit",
            "quantity": "1",
        } | order
        trade = UUID(self.ledger.call("place_trade", "authenticated", desk.user, p_order=said)["trade_id"])
        now = self.market.now()
        self.ledger.tamper(
            "update public.trades set event_at = %s, status_at = %s, good_until = %s where id = %s",
            now,
            now,
            now + timedelta(minutes=5),
            trade,
        )
        return trade

    async def judge(self) -> None:
        await asyncio.to_thread(Judge(self.ports("risk")).judge_pending, self.stage.desk.account)

    async def quote(self) -> int:
        reach = self.ports("ingest")
        ledger = MarketDataLedger(reach.ledger)
        needed = await asyncio.to_thread(ledger.options_needed, reach.clock.now())
        return await OptionQuotes(reach, ledger, self.data).refresh(needed)

    async def send(self) -> None:
        await send_approved(self.stage.trading, self.stage.desk.account)
        self.market.move()
        await self.stage._routine("sync")

    async def whole(self, trade: UUID) -> str:
        """Judged before it is quoted, as where that function is quicker, and again when the quote wakes it."""
        await self.judge()
        assert self.status(trade) == "pending"
        assert await self.quote() > 0
        assert "publish market-data-options" in self.world.said("publish")
        await self.judge()
        await self.send()
        return self.status(trade)

    def status(self, trade: UUID) -> str:
        return self.stage.desk.status(trade)

    def refusal(self, trade: UUID) -> str | None:
        found: str | None = self.ledger.one("select refusal from public.trades where id = %s", trade)
        return found

    def verified(self) -> None:
        """Every check of `agenttrader verify`, after the relay had its turn."""
        publish_outbox(replace(self.world.ports, ledger=Relaying(self.ledger)))
        with psycopg.connect(self.ledger.dsn, autocommit=True) as connection:
            books = Books(self.market.url)
            try:
                found = verify(connection, books)
            finally:
                books.close()
        assert found.ok, found.as_json()


def _said(price: Decimal | None) -> Decimal:
    assert price is not None
    return price


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
