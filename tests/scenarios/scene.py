"""What a scenario is played on: one account, and by the minute everything that the cloud would do about it.

The real functions, the real ledger, the real adapter, the real simulator, in one process. Each function is called where
a message or the schedule would wake it, so nothing has to be waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from functions.core.errors import Temporary
from functions.core.events import Envelope, OptionQuoted, QuoteUpdated
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.ports import Ports
from functions.ingest.stream import MarketDataWorker
from functions.risk.halting import Flattener
from functions.risk.watch import breakers, exits, results
from functions.risk.watch.breakers import Breakers
from functions.risk.watch.exits import ExitWatch
from functions.risk.watch.expiry import ExpiryDesk
from functions.risk.watch.margin import MarginWatch
from functions.risk.watch.portfolio import PortfolioWatch
from functions.risk.watch.results import ResultWatch
from tests.integration.faults.flow import Flow
from tests.integration.ledger.desk import decision, order_of
from tests.integration.ledger.ledger import Direct, Ledger
from tests.scenarios.written_market import WrittenMarket

_MOST_ROUNDS = 12
_WITHIN_SECONDS = 20
_STORED = "select exists (select from private.stream_cursors where stream = 'SPY' and position >= %s)"
_SECOND = timedelta(seconds=1)


class Heard:
    """A bus that keeps what was published until it is taken."""

    def __init__(self) -> None:
        self._events: list[Envelope] = []

    def publish(self, _topic: str, events: Sequence[Envelope]) -> None:
        self._events += events

    def take(self) -> list[Envelope]:
        taken, self._events = self._events, []
        return taken

    def close(self) -> None:
        """Nothing is held."""


class OneAtATime:
    """The transport of a worker that calls from several threads."""

    def __init__(self, transport: Direct) -> None:
        self._transport = transport
        self._lock = threading.Lock()

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        with self._lock:
            return self._transport.call(function, arguments)


class Scene(Flow):
    """An account of one trader with one strategy. The market moves by the minute, and whoever hears of it acts."""

    market: WrittenMarket

    def __init__(self, ledger: Ledger, market: WrittenMarket) -> None:
        super().__init__(ledger, market)
        self.desk = self.stage.desk
        self._settings = market.settings()
        # One symbol, so that nobody waits for prices of another.
        ledger.tamper("update public.strategies set symbols = '{SPY}'")
        self._bus = Heard()
        # Of the feed's worker, which works beside everything else.
        self._feeds = Ledger(ledger.dsn)
        self._stop = asyncio.Event()
        self._feeding: asyncio.Task[None] | None = None
        self._decided = market.now()
        # That nobody watches a symbol was found in another market.
        for watch in (exits, breakers, results):
            watch._quiet.forget()

    def ports(self, folder: str) -> Ports:
        return replace(super().ports(folder), bus=self._bus, settings=self._settings)

    async def open(self, minutes: int = 2) -> None:
        """Into the first session, so many minutes."""
        self.market.move(1 + minutes)
        await super().open()
        self._feed_begins()
        await self._hear()

    def _feed_begins(self) -> None:
        reach = replace(
            self.ports("ingest"),
            ledger=OneAtATime(Direct(self._feeds, "fn_ingest")),
            clock=self.stage.trading.reach.clock,
        )
        worker = MarketDataWorker(reach, MarketDataLedger(reach.ledger), self.data)
        self._stop.clear()
        self._feeding = asyncio.create_task(worker.run(self._stop))

    async def _feed_ends(self) -> None:
        self._stop.set()
        if self._feeding is not None:
            await self._feeding

    def limit(self, name: str, value: str, act: str | None = None, scope: str = "account", **parameters: str) -> None:
        """The trader's own limit."""
        unit = self.ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
        owner = {"user": self.desk.user, "account": self.desk.account, "strategy": self.desk.strategy}[scope]
        said = {"p_scope": scope, "p_scope_id": owner, "p_name": name, "p_value": value, "p_unit": unit, "p_act": act}
        self.ledger.call("set_limit", "authenticated", self.desk.user, **said, p_parameters=parameters)

    def decide(self, side: str = "buy", quantity: str = "100", **more: Any) -> UUID:
        """An order of the strategy, at this moment."""
        (trade,) = self.decide_all(order_of(side, quantity, **more))
        return trade

    def refused(self, side: str = "buy", quantity: str = "100", **more: Any) -> str:
        """The code by which an order of the strategy is not even placed."""
        assert self.decide_all(order_of(side, quantity, **more)) == []
        found = "select split_part(refused, ':', 1) from public.strategy_decisions order by bar_at desc limit 1"
        return str(self.ledger.one(found))

    def decide_all(self, *orders: dict[str, Any]) -> list[UUID]:
        """All that the strategy orders at this moment, in one decision; what is placed of it."""
        self._decided = max(self.market.now(), self._decided + _SECOND)
        placed = self.desk.decide(decision(self.desk.strategy, *orders, at=self._decided))
        return [UUID(trade) for trade in placed]

    # --- the minutes ----------------------------------------------------------------------------------------------

    async def minutes(self, count: int = 1, *, then: Callable[[], None] | None = None) -> None:
        """So many minutes pass; in each everybody hears, looks and acts, until nothing is left to be done."""
        for _ in range(count):
            self.market.move()
            await self._hear()
            await self.settle()
            if then is not None:
                then()

    async def skip(self, minutes: int) -> None:
        """So many pushes of the tape at which everything here is down, and then up again."""
        await self._feed_ends()
        self.market.move(minutes)
        self._feed_begins()
        await self._hear()
        await self.settle()

    async def settle(self) -> None:
        """What messages and the schedule would wake, until it changes nothing any more."""
        before = self._state()
        for _ in range(_MOST_ROUNDS):
            await self.round()
            now = self._state()
            if now == before:
                return
            before = now
        raise AssertionError(f"it never comes to rest: {before}")

    async def round(self) -> None:
        """Each function once."""
        self.stage._time_passes()
        for look in (
            lambda: ExitWatch(self.ports("risk")).sweep(),
            lambda: ResultWatch(self.ports("risk")).sweep(),
            lambda: Breakers(self.ports("risk")).sweep(),
            lambda: MarginWatch(self.ports("risk")).sweep(),
            lambda: PortfolioWatch(self.ports("risk")).sweep(),
            lambda: ExpiryDesk(self.ports("risk")).watch(),
            lambda: Flattener(self.ports("risk")).continue_halts(),
        ):
            await asyncio.to_thread(look)
        await self.judge()
        for does in ("submit", "resolve", "cancels", "sync"):
            with contextlib.suppress(Temporary):
                await self.stage._routine(does)
        now = self.market.now()
        await asyncio.to_thread(lambda: ResultWatch(self.ports("risk")).on_fill(self.desk.account, now))
        await asyncio.to_thread(lambda: Breakers(self.ports("risk")).on_trade(self.desk.account, now))
        await asyncio.to_thread(lambda: ExitWatch(self.ports("risk")).settle(self.desk.account))

    async def _hear(self) -> None:
        """Waits until the feed's worker has stored all that was told, and wakes whom its quotes wake."""
        if not self.market.is_silent:
            told = self.market.simulator.stream_positions()["market-data"].get("SPY")
            async with asyncio.timeout(_WITHIN_SECONDS):
                while told is not None and not self.ledger.one(_STORED, told):
                    assert self._feeding is not None
                    assert not self._feeding.done(), "the feed's worker has ended"
                    await asyncio.sleep(0.002)  # its position tells nobody
            await self.quote()
        for event in self._bus.take():
            await asyncio.to_thread(self._wake, event)

    def _wake(self, event: Envelope) -> None:
        reach = self.ports("risk")
        if isinstance(event, QuoteUpdated):
            ExitWatch(reach).on_quote(event.data)
            ResultWatch(reach).on_quote(event.data)
            Breakers(reach).on_quote(event.data)
        elif isinstance(event, OptionQuoted):
            ExitWatch(reach).on_quote(event.data)
            ResultWatch(reach).on_option_quote(event.data)

    def _state(self) -> object:
        return (
            self.stage._state(),
            self.ledger.rows("select id, status, round from public.position_exits order by id"),
            self.ledger.rows("select gate_key, closed, mode from public.trading_gates order by gate_key"),
        )

    # --- what became of it ----------------------------------------------------------------------------------------

    def orders(self, source: str = "risk") -> list[tuple[Any, ...]]:
        """(symbol, side, quantity, status) of all orders of a source, in the order they were placed."""
        return self.ledger.rows(
            "select symbol, side, quantity, status from public.trades where source = %s order by placed_number", source
        )

    def refusal_code(self, trade: UUID) -> str:
        """Why it was refused; its status where it was not."""
        return (self.refusal(trade) or self.status(trade)).split(":")[0]

    def alerts(self, *codes: str) -> list[str]:
        """The codes of alerts in the order they were raised, of these alone where some are named."""
        found = [code for (code,) in self.ledger.rows("select code from public.alerts order by raised_at, id")]
        return [code for code in found if not codes or code in codes]

    def breaches(self) -> list[tuple[str, str]]:
        """(limit, what happened) in order."""
        return self.ledger.rows("select name, happened from public.limit_breaches order by at, id")

    def realised(self) -> Decimal:
        found = self.ledger.one("select coalesce(sum(realised_pnl), 0) from public.position_books")
        return Decimal(found)

    def ends(self, **held: str) -> None:
        """Holding this and no more, here and at the broker, no order open, everything verified."""
        assert self.stage.differences() == []
        book = self.market.book()
        assert book.positions == {symbol: Decimal(many) for symbol, many in held.items()}
        assert [order for order in book.orders if order.is_open] == []
        assert self.stage._undecided() == []
        self.verified()

    async def over(self) -> None:
        await self._feed_ends()
        self._feeds.close()
        await self.data.aclose()
        for broker in self.stage._accounts.made:
            await broker.aclose()
