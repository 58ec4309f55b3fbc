"""Plays a fault script: the real functions, the real ledger, the real adapter, the real simulator, in one process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
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
from functions.execute.syncing import compare_accounts
from functions.execute.watching import say_watched, send_approved
from tests.integration.faults.comparing import OPEN, differences
from tests.integration.faults.market import Market, night
from tests.integration.faults.matrix import Cell
from tests.integration.faults.placing import Placing
from tests.integration.faults.scripts import Script, Step
from tests.integration.ledger.desk import Desk, new_strategy, new_user
from tests.integration.ledger.ledger import Ledger
from tests.unit.core.doubles import World

_MOST_ROUNDS = 30
_LISTENS_SECONDS = 5


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
        self._placing = Placing(self.desk, market, self.ledger_rows, self._call, self._run)
        self.hit: set[Cell] = set()
        """The cells whose fault has struck while their step was done."""
        self._struck: dict[Cell, int] = {}
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

    async def play(self, script: Script, then: Callable[[Stage], Awaitable[None]] | None = None) -> None:
        """Every step, `then` what a test adds, then until nothing is left to be done, without faults."""
        self._main = asyncio.current_task()
        async with self._streams() if script.streams else contextlib.nullcontext():
            for step in script.steps:
                await self._do(step)
            if then is not None:
                await then(self)
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
                    await asyncio.to_thread(self._placing.place, more)
                case "close":
                    await asyncio.to_thread(self._placing.close, step)
                case "fault":
                    await self._switch_on(more["cell"], more["count"])
                case "lose":
                    await self._switch_on(more["cell"], 1)
                case "listen":
                    await self._listen(more["cell"])
                case "wait":
                    await asyncio.to_thread(self._time_passes)
                case "aimed":
                    if self._strikes(more["cell"]) > self._struck[more["cell"]]:
                        self.hit.add(more["cell"])
                case "move":
                    await asyncio.to_thread(self.market.move)
                case "night":
                    await asyncio.to_thread(night, self.market)
                case "crash":
                    self._crash = more["when"]
                case "by_hand":
                    await asyncio.to_thread(self._placing.by_hand, more)
                case "bracket_by_hand":
                    await asyncio.to_thread(self._placing.bracket_by_hand, more)
                case "cancel_by_hand":
                    order = self._pick(step.which, "broker_order_id", OPEN)
                    if order is not None:
                        await asyncio.to_thread(self.market.cancel_by_hand, order)
                case "assign" | "exercise":
                    await asyncio.to_thread(self._deliver, step)
                case "cancel":
                    trade = self._pick(step.which, "id", (*OPEN, "approved", "unknown"))
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
                    trade = self._pick(step.which, "id", ("submitted", "partially_filled"), "and order_type = 'limit'")
                    if trade is not None:
                        await asyncio.to_thread(self._placing.replace, trade, step)
                        await send_approved(self.trading, self.desk.account)
                case _:
                    await self._routine(step.does)
        except (Temporary, BadCredentials):
            return  # Whoever is woken next does it; that the keys were refused was told.
        except Died:
            self._bury()

    async def _switch_on(self, cell: Cell, count: int) -> None:
        self._struck[cell] = self._strikes(cell)
        more = dict(self.market.cells[cell])
        least = self.market.simulator.faults.table()[cell.switch].least
        await asyncio.to_thread(self.market.fault, cell.switch, count if least else 0, more)
        if cell.switch == "impatient_stream":
            # It is of the next stream to connect.
            await asyncio.to_thread(self.market.fault, "drop_stream", 0, {})

    async def _listen(self, cell: Cell) -> None:
        """Until the fault has struck: a stream may be on its way back from the last one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LISTENS_SECONDS):
                while self._strikes(cell) <= self._struck[cell]:
                    await asyncio.sleep(0.01)
                    await asyncio.to_thread(self.market.move)

    def _strikes(self, cell: Cell) -> int:
        return self.market.simulator.faults.struck().get(cell.switch, 0)

    def _deliver(self, step: Step) -> None:
        """Options are delivered before their expiry: shorts by assignment, longs by a wish of their owner."""
        sign = -1 if step.does == "assign" else 1
        held = sorted(
            symbol for symbol, many in self.market.book().positions.items() if many * sign > 0 and symbol != "SPY"
        )
        if held and step.does == "assign":
            self.market.assign(held[step.which % len(held)])
        elif held:
            self.market.exercise_by_hand(held[step.which % len(held)])

    async def _routine(self, does: str) -> None:
        match does:
            case "submit":
                await send_approved(self.trading, self.desk.account)
            case "sync":
                await compare_accounts(self.trading)
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
                await asyncio.to_thread(self._placing.approve_waiting)
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

    def _run(self, query: str, *values: object) -> None:
        with self._transport.lock:
            self.desk.ledger.run(query, *values)

    def _tamper(self, query: str, *values: object) -> None:
        with self._transport.lock:
            self.desk.ledger.tamper(query, *values)

    def ledger_rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._transport.lock:
            return self.desk.ledger.rows(query, *values)

    def _pick(self, which: int, column: str, statuses: tuple[str, ...], more: str = "") -> Any:
        found = self.ledger_rows(
            f"select {column} from public.trades where broker_account_id = %s and status = any(%s) "  # noqa: S608
            f"and {column} is not null {more} order by placed_number",
            self.desk.account,
            list(statuses),
        )
        return found[which % len(found)][0] if found else None

    def _bury(self) -> None:
        """Whoever claimed something is dead: its leases are over."""
        self._tamper(
            "update public.order_attempts set lease_until = now() - interval '1 second' "
            "where broker_account_id = %s and outcome is null",
            self.desk.account,
        )

    def _time_passes(self) -> None:
        """Long enough for whatever waits: the journal is that much older."""
        self._tamper(
            "update public.order_attempts set claimed_at = claimed_at - interval '1 minute', "
            "answered_at = answered_at - interval '1 minute', lease_until = lease_until - interval '1 minute' "
            "where broker_account_id = %s",
            self.desk.account,
        )

    def _state(self) -> object:
        return self.ledger_rows(
            "select id, status, filled_quantity, version from public.trades where broker_account_id = %s order by id",
            self.desk.account,
        )

    def _undecided(self) -> list[tuple[Any, ...]]:
        return self.ledger_rows(
            "select id, status, refusal from public.trades where broker_account_id = %s "
            "and status in ('pending', 'approved', 'submitting', 'unknown')",
            self.desk.account,
        )

    def differences(self) -> list[str]:
        """Everything in which the ledger is not what the broker's own book is; empty where it is."""
        return differences(self.market.book(), self.ledger_rows, self.desk.account)


def said(script: Script) -> str:
    """A script in words, and how it is played again."""
    steps = "\n  ".join(f"{step.does} {step.more or ''}" for step in script.steps)
    return f"seed {script.seed}{' with streams' if script.streams else ''}:\n  {steps}"
