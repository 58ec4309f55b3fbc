"""One account and every function of an order's way, each called where a message would wake it.

The real functions, the real ledger, the real adapter, the real simulator, in one process.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from functions.brokers.markets import OptionContract, OptionQuote
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.ports import Ports
from functions.execute.watching import send_approved
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.options import OptionQuotes
from functions.relay.publishing import publish_outbox
from functions.risk.judging import Judge
from local.conductor.market import Market as Books
from local.verify import verify
from tests.integration.faults.market import Market, price
from tests.integration.faults.stage import Stage
from tests.integration.ledger.ledger import Direct, Ledger
from tests.unit.core.doubles import World


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
