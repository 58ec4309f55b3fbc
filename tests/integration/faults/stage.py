"""Plays a fault script: the real functions, the real ledger, the real adapter, the real simulator, in one process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from functions.brokers.errors import BadCredentials
from functions.brokers.protocol import Broker
from functions.core.errors import Temporary
from functions.core.ledger.errors import from_answer
from functions.core.ledger.executing import ExecutionLedger, TradingAccount
from functions.execute.accounts import Accounts
from functions.execute.canceling import cancel_due
from functions.execute.resolving import resolve_unknown
from functions.execute.stream import TradeUpdatesWorker
from functions.execute.submitting import Desk as TradingDesk
from functions.execute.syncing import sync_account
from functions.execute.watching import say_watched, send_approved
from tests.integration.faults.market import Market
from tests.integration.faults.scripts import Script, Step
from tests.integration.ledger.desk import Desk, approval_of, decision, new_strategy, new_user, order_of
from tests.integration.ledger.ledger import Ledger
from tests.unit.core.doubles import World

_CENT = Decimal("0.01")
_MOST_ROUNDS = 30
_OPEN = ("submitted", "partially_filled", "cancel_pending", "replace_pending")


class Died(BaseException):
    """The process is killed at this step: nothing in it may catch this."""


class Locked:
    """The ledger under the role of execute, for several threads; errors are those of the way through REST."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.lock = threading.Lock()

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        with self.lock:
            try:
                answer = self._ledger.call(function, "fn_execute", **arguments)
                return str(answer) if isinstance(answer, UUID) else answer
            except psycopg.Error as error:
                said = error.diag
                raise from_answer(
                    function, error.sqlstate, said.message_primary, said.message_detail, said.message_hint
                ) from error


class MarketClock:
    """The broker's time is everybody's."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def now(self) -> datetime:
        return self._market.now()


class OneAccount(Accounts):
    """The script's account, and its broker."""

    def __init__(self, reach: Any, ledger: ExecutionLedger, account: TradingAccount, market: Market) -> None:
        super().__init__(reach, ledger)
        self.account = account
        self._market = market
        self.made = [market.broker()]

    def active(self) -> list[TradingAccount]:
        return [self.account]

    def broker(self, account: UUID) -> Broker:
        return self.made[0]

    def broker_of(self, account: TradingAccount) -> Broker:
        self.made.append(self._market.broker())
        return self.made[-1]


class Stage:
    """One script on an account of its own."""

    def __init__(self, ledger: Ledger, market: Market, *, watched: bool) -> None:
        self.market = market
        number = market.begin()
        user = new_user(ledger)
        account = ledger.one(
            "insert into public.broker_accounts (user_id, broker, account_id) values (%s, %s, %s) returning id",
            user,
            market.name,
            number,
        )
        self.desk = Desk(ledger, user, account, new_strategy(ledger, user, account))
        self._transport = Locked(ledger)
        world = World()
        reach = replace(
            world.ports,
            settings=market.settings(),
            ledger=self._transport,
            clock=MarketClock(market),
            around=self._around,
        )
        self.execution = ExecutionLedger(self._transport)
        self.account = TradingAccount(
            broker_account_id=account,
            user_id=user,
            broker=market.name,
            account_id=number,
            is_paper=True,
            working=True,
            trading_entered_at=market.now(),
        )
        self._accounts = OneAccount(reach, self.execution, self.account, market)
        self.trading = TradingDesk(reach, self.execution, self._accounts)
        self._crash: str | None = None
        self._main: asyncio.Task[Any] | None = None
        self._placed = 0
        if watched:
            say_watched(reach, account, "by the script")

    def _around(self, step: str, call: Any) -> Any:
        async def through() -> Any:
            # It is the sender of the script that dies, not the worker beside it.
            if self._crash is None or asyncio.current_task() is not self._main:
                return await call()
            crash, self._crash = self._crash, None
            if crash == "before":
                raise Died
            found = await call()
            if crash == "after":
                raise Died
            return found

        return through()

    # --- the script -----------------------------------------------------------------------------------------------

    async def play(self, script: Script) -> None:
        """Every step, then until nothing is left to be done, without faults."""
        self._main = asyncio.current_task()
        async with self._streams() if script.streams else contextlib.nullcontext():
            for step in script.steps:
                await self._do(step)
            await self._settle()
        for broker in self._accounts.made:
            await broker.aclose()

    @contextlib.asynccontextmanager
    async def _streams(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        working = asyncio.create_task(TradeUpdatesWorker(self.trading).run(stop))
        try:
            yield
        finally:
            stop.set()
            await working

    async def _do(self, step: Step) -> None:
        more = step.more
        try:
            match step.does:
                case "place":
                    await asyncio.to_thread(self._place, more)
                case "fault":
                    said = dict(self.market.switches[more["switch"]])
                    switch = said.pop("switch", more["switch"])
                    await asyncio.to_thread(self.market.fault, switch, more["count"], said)
                case "move":
                    await asyncio.to_thread(self.market.move)
                case "crash":
                    self._crash = more["when"]
                case "by_hand":
                    price = self._price(more["side"], more["away"])
                    await asyncio.to_thread(self.market.by_hand, more["side"], more["quantity"], price)
                case "cancel_by_hand":
                    order = self._pick(step.which, "broker_order_id", _OPEN)
                    if order is not None:
                        await asyncio.to_thread(self.market.cancel_by_hand, order)
                case "cancel":
                    trade = self._pick(step.which, "id", (*_OPEN, "approved", "unknown"))
                    if trade is not None:
                        self._call(
                            "request_cancel",
                            "authenticated",
                            self.desk.user,
                            p_trade_id=trade,
                            p_reason="the script says so",
                        )
                        await cancel_due(self.trading)
                case "replace":
                    await asyncio.to_thread(self._replace, step)
                    await send_approved(self.trading, self.desk.account)
                case _:
                    await self._routine(step.does)
        except (Temporary, BadCredentials):
            return  # Whoever is woken next does it; that the keys were refused was told.
        except Died:
            self._bury()

    async def _routine(self, does: str) -> None:
        match does:
            case "submit":
                await send_approved(self.trading, self.desk.account)
            case "sync":
                await sync_account(self.trading, self.account, self._accounts.broker(self.desk.account))
            case "resolve":
                await resolve_unknown(self.trading, self.desk.account)
            case "cancels":
                await cancel_due(self.trading)

    async def _settle(self) -> None:
        """As the schedule does, until nothing changes any more: then a minute of trading, and the same again."""
        self._crash = None
        self.market.clear_faults()
        for _ in range(2):
            self.market.move()
            before: object = None
            for _ in range(_MOST_ROUNDS):
                self._time_passes()
                for does in ("submit", "resolve", "cancels", "sync"):
                    with contextlib.suppress(Temporary):
                        await self._routine(does)
                now = self._state()
                if now == before and not self._undecided():
                    break
                before = now
            else:
                raise AssertionError(f"it never comes to rest: {self._undecided()}")

    # --- its steps ------------------------------------------------------------------------------------------------

    def _call(self, function: str, role: str, user: UUID | None = None, /, **arguments: Any) -> Any:
        with self._transport.lock:
            return self.desk.ledger.call(function, role, user, **arguments)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._transport.lock:
            return self.desk.ledger.rows(query, *values)

    def _price(self, side: str, away: int | None) -> Decimal | None:
        if away is None:
            return None
        near = self.market.price().quantize(_CENT)
        return near - away * _CENT if side == "buy" else near + away * _CENT

    def _place(self, more: dict[str, Any]) -> None:
        self._placed += 1
        at = self.market.now() + timedelta(minutes=self._placed)
        side, price = more["side"], self._price(more["side"], more["away"])
        ((held,),) = self._rows(
            "select coalesce(sum(quantity), 0) from public.position_books where broker_account_id = %s",
            self.desk.account,
        )
        closes = side == "sell" and held >= more["quantity"]
        order = order_of(side, str(more["quantity"]), position_intent=f"{side}_to_{'close' if closes else 'open'}")
        if price is not None:
            order |= {"order_type": "limit", "price": str(price)}
        (trade,) = self._call(
            "record_decisions",
            "fn_strategy",
            p_symbol="SPY",
            p_decisions=[decision(self.desk.strategy, order, at=at)],
        )
        self._call("approve_trade", "fn_risk", **approval_of(UUID(trade)))

    def _replace(self, step: Step) -> None:
        trade = self._pick(step.which, "id", ("submitted", "partially_filled"), "and order_type = 'limit'")
        if trade is None:
            return
        ((side, ordered),) = self._rows("select side, quantity from public.trades where id = %s", trade)
        said = {
            "idempotency_key": f"replace {step.which} {trade}",
            "quantity": str(step.more["quantity"] if self.market.replaces_quantity else ordered),
            "price": str(self._price(side, step.more["away"])),
        }
        with contextlib.suppress(psycopg.Error):  # It may be over, or half filled beyond that.
            answer = self._call("request_replace", "authenticated", self.desk.user, p_trade_id=trade, p_change=said)
            self._call("approve_trade", "fn_risk", **approval_of(UUID(answer["trade_id"])))

    def _pick(self, which: int, column: str, statuses: tuple[str, ...], more: str = "") -> Any:
        found = self._rows(
            f"select {column} from public.trades where broker_account_id = %s and status = any(%s) "  # noqa: S608
            f"and {column} is not null {more} order by placed_number",
            self.desk.account,
            list(statuses),
        )
        return found[which % len(found)][0] if found else None

    def _bury(self) -> None:
        """Whoever claimed something is dead: its leases are over."""
        with self._transport.lock:
            self.desk.ledger.tamper(
                "update public.order_attempts set lease_until = now() - interval '1 second' "
                "where broker_account_id = %s and outcome is null",
                self.desk.account,
            )

    def _time_passes(self) -> None:
        """Long enough for whatever waits: the journal is that much older."""
        with self._transport.lock:
            self.desk.ledger.tamper(
                "update public.order_attempts set claimed_at = claimed_at - interval '1 minute', "
                "answered_at = answered_at - interval '1 minute', lease_until = lease_until - interval '1 minute' "
                "where broker_account_id = %s",
                self.desk.account,
            )

    def _state(self) -> object:
        return self._rows(
            "select id, status, filled_quantity, version from public.trades where broker_account_id = %s order by id",
            self.desk.account,
        )

    def _undecided(self) -> list[tuple[Any, ...]]:
        return self._rows(
            "select id, status, refusal from public.trades where broker_account_id = %s "
            "and status in ('pending', 'approved', 'submitting', 'unknown')",
            self.desk.account,
        )

    # --- what it must end with ------------------------------------------------------------------------------------

    def differences(self) -> list[str]:
        """Everything in which the ledger is not what the broker's own book is; empty where it is."""
        book = self.market.book()
        found: list[str] = []
        booked = self._rows(
            "select broker_order_id, symbol, quantity, price from public.fills where broker_account_id = %s",
            self.desk.account,
        )
        theirs, ours = Counter(book.fills), Counter((order, symbol, *amounts) for order, symbol, *amounts in booked)
        found += [f"a fill is missing: {row}" for row in (theirs - ours).elements()]
        found += [f"a fill is invented or doubled: {row}" for row in (ours - theirs).elements()]
        held = dict(
            self._rows(
                "select symbol, quantity from public.position_books where broker_account_id = %s and quantity <> 0",
                self.desk.account,
            )
        )
        if held != dict(book.positions):
            found.append(f"positions: {held} here, {dict(book.positions)} at the broker")
        return found + self._orders_that_differ()

    def _orders_that_differ(self) -> list[str]:
        book = self.market.book()
        found: list[str] = []
        trades = {
            order: (status, filled, source)
            for order, status, filled, source in self._rows(
                "select broker_order_id, status, filled_quantity, source from public.trades "
                "where broker_account_id = %s and broker_order_id is not null",
                self.desk.account,
            )
        }
        names = self._rows(
            "select distinct trade_id, client_order_id from public.order_attempts where broker_account_id = %s",
            self.desk.account,
        )
        sent = Counter(trade for trade, name in names for order in book.orders if order.client_order_id == name)
        found += [f"sent twice: {trade}" for trade, count in sent.items() if count > 1]
        for order in book.orders:
            trade = trades.pop(order.order, None)
            if trade is None:
                # What was placed by hand and ended without a fill left nothing to be known.
                if order.is_open or order.filled:
                    found.append(f"unknown here: {order}")
                continue
            if trade[1] != order.filled:
                found.append(f"filled {trade[1]} here: {order}")
            if (trade[0] in _OPEN) != order.is_open:
                found.append(f"{trade[0]} here: {order}")
        return found + [f"not at the broker: {trade}" for trade in trades.items()]


def said(script: Script) -> str:
    """A script in words, and how it is played again."""
    steps = "\n  ".join(f"{step.does} {step.more or ''}" for step in script.steps)
    return f"seed {script.seed}{' with streams' if script.streams else ''}:\n  {steps}"
