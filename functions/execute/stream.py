"""The trade stream worker: one owner per account by lease; subscribe, then snapshot, then apply; also by polling."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

from functions.brokers.orders import TradeUpdate
from functions.brokers.protocol import Broker, Connected, Quarantined
from functions.core.errors import AgentTraderError, Final, Misconfigured, Temporary
from functions.core.ledger.executing import StreamCursor, TradingAccount
from functions.core.log import logger
from functions.core.worker_life import Heart, hold_lease, patiently
from functions.execute.resolving import resolve_unknown
from functions.execute.submitting import Desk
from functions.execute.syncing import Synced, sync_account
from functions.execute.watching import say_watched
from functions.execute.witnessing import quarantine, record_fill, record_fill_change, record_order

WORKER = "stream_trade_updates"


@dataclass(slots=True)
class Hearing:
    """What a worker knows of one account's stream while it holds the lease."""

    connected: bool = False
    """Subscribed, and everything before is on record."""
    started: bool = False
    """The comparison of start-up has begun."""
    say_at: float = 0.0
    deaf: asyncio.Event = field(default_factory=asyncio.Event)


class TradeUpdatesWorker:
    """One task per active account; a newly linked account gets its task within the watch interval."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._heart = Heart(desk.ledger, WORKER, desk.reach.settings.heartbeat_interval)
        self._log = logger(WORKER)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set."""
        tasks: dict[UUID, asyncio.Task[None]] = {}
        entered: dict[UUID, datetime | None] = {}
        again_at: dict[UUID, float] = {}
        try:
            while not stop.is_set():
                with contextlib.suppress(Temporary):
                    accounts = await self._desk.ask(self._desk.accounts.active)
                    known = {account.broker_account_id: account.trading_entered_at for account in accounts}
                    for key, task in tasks.items():
                        # What was wiped or entered again is used no more; what is missed is read when served anew.
                        if not task.cancelling() and (key not in known or known[key] != entered[key]):
                            task.cancel()
                    for account in accounts:
                        key = account.broker_account_id
                        if key not in tasks and time.monotonic() >= again_at.get(key, 0.0):
                            entered[key] = account.trading_entered_at
                            tasks[key] = asyncio.create_task(self._serve(account, stop))
                await self._heart.beat(accounts=len(tasks))
                for key, task in list(tasks.items()):
                    if task.done():
                        again_at[key] = time.monotonic() + await self._ended(key, task)
                        del tasks[key]
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._desk.reach.settings.watch_interval)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _ended(self, account: UUID, task: asyncio.Task[None]) -> float:
        """Says why an account is not served any more; returns after how many seconds it is tried again."""
        error = task.exception() if not task.cancelled() else None
        if error is None:
            return 0.0
        if not isinstance(error, Exception):
            raise error
        # One account that does not work must not stop the others.
        if not isinstance(error, AgentTraderError):
            with contextlib.suppress(Temporary):
                await self._desk.tell_mistake(account, error, "the trade stream")
        elif isinstance(error, Temporary):
            self._log.warning("stream ended", account=str(account), code=error.code, reason=str(error))
        else:
            with contextlib.suppress(Temporary):
                await self._desk.tell(account, error)
        # Keys may be entered at any moment; what the broker itself refuses is not asked for every second.
        return 0.0 if isinstance(error, Misconfigured) else self._desk.reach.settings.poll_interval

    async def _serve(self, account: TradingAccount, stop: asyncio.Event) -> None:
        broker = await self._desk.ask(self._desk.accounts.broker_of, account)
        name = f"trade-stream:{account.broker_account_id}"
        async with contextlib.aclosing(hold_lease(self._desk.reach, name, stop)) as leases:
            async for held in leases:
                hearing = Hearing()
                tasks = [
                    asyncio.create_task(self._keep_following(account, broker, stop, hearing)),
                    asyncio.create_task(self._poll(account, broker, stop, hearing)),
                    asyncio.create_task(self._resolve(account, stop)),
                ]
                try:
                    while held() and not stop.is_set() and not any(task.done() for task in tasks):
                        await self._say_watched(account, hearing)
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), self._desk.reach.settings.watch_interval)
                    for task in tasks:
                        if task.done():
                            task.result()
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_following(
        self, account: TradingAccount, broker: Broker, stop: asyncio.Event, hearing: Hearing
    ) -> None:
        """Follows the stream, and opens it again where it ends or has gone deaf: later each time, never all at once."""
        failures = 0
        while not stop.is_set():
            hearing.deaf.clear()
            following = asyncio.create_task(self._follow(account, broker, stop, hearing))
            deaf = asyncio.create_task(hearing.deaf.wait())
            try:
                await asyncio.wait({following, deaf}, return_when=asyncio.FIRST_COMPLETED)
                heard = hearing.connected
                if following.done():
                    following.result()
            except Temporary as error:
                self._log.warning(
                    "stream ended", account=str(account.broker_account_id), code=error.code, reason=str(error)
                )
            finally:
                hearing.connected = False
                for task in (following, deaf):
                    task.cancel()
                await asyncio.gather(following, deaf, return_exceptions=True)
            failures = 0 if heard else failures + 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._wait_before(failures))

    def _wait_before(self, failures: int) -> float:
        """Seconds until the next attempt: full jitter, so that all accounts of a broker do not come at one moment."""
        settings = self._desk.reach.settings
        longest = min(settings.reconnect_first * 2.0 ** min(failures, 20), settings.reconnect_longest)
        return random.uniform(longest / 10, longest)  # noqa: S311 - nobody gains by guessing it

    async def _follow(self, account: TradingAccount, broker: Broker, stop: asyncio.Event, hearing: Hearing) -> None:
        async with contextlib.aclosing(broker.trade_updates()) as messages:
            async for message in messages:
                if isinstance(message, Connected):
                    # Subscribed first, so nothing falls between the snapshot and the stream: what arrives meanwhile
                    # waits in the adapter's queue, and what comes twice counts once.
                    hearing.connected = False
                    await patiently(partial(self._compare, account, broker, hearing), stop, self._log, "snapshot")
                    hearing.connected = True
                elif isinstance(message, TradeUpdate):
                    await patiently(partial(self._apply, account, message), stop, self._log, "trade update")
                else:
                    await patiently(partial(self._quarantine, account, message), stop, self._log, "alert")

    async def _poll(self, account: TradingAccount, broker: Broker, stop: asyncio.Event, hearing: Hearing) -> None:
        """The stream's silence proves nothing: the broker's lists are read all the same, on a timer."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._desk.reach.settings.poll_interval)
            was_connected = hearing.connected
            with contextlib.suppress(Temporary):
                synced = await self._compare(account, broker, hearing)
                late = timedelta(seconds=self._desk.reach.settings.stream_lag)
                if was_connected and any(synced.as_of - executed > late for executed in synced.missed):
                    # Executions that the stream should have told of long ago were found in the list: it is open, and
                    # says nothing.
                    self._log.warning("stream is deaf", account=str(account.broker_account_id))
                    hearing.deaf.set()

    async def _resolve(self, account: TradingAccount, stop: asyncio.Event) -> None:
        """Looks for orders whose outcome is unknown as soon as each look is due, and sends what has waited for them."""
        key = account.broker_account_id
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._desk.reach.settings.watch_interval)
            try:
                if await resolve_unknown(self._desk, key):
                    await self._desk.submit_approved(key)
            except Temporary as error:
                self._log.warning("not resolved", account=str(key), reason=str(error))
            except Final as error:
                # Each order's own trouble is told where it happens; the others have their turn the next time.
                self._log.error("not resolved", account=str(key), code=error.code, reason=error.text)

    async def _compare(self, account: TradingAccount, broker: Broker, hearing: Hearing) -> Synced:
        run: Literal["startup"] | None = None if hearing.started else "startup"
        synced = await sync_account(self._desk, account, broker, run=run)
        hearing.started = True
        key = account.broker_account_id
        await self._desk.ask(self._desk.ledger.record_stream_position, WORKER, str(key), synced.as_of)
        await self._desk.ask(say_watched, self._desk.reach, key, "compared")
        return synced

    async def _say_watched(self, account: TradingAccount, hearing: Hearing) -> None:
        if hearing.connected and time.monotonic() >= hearing.say_at:
            hearing.say_at = time.monotonic() + self._desk.reach.settings.heartbeat_interval
            await self._desk.ask(say_watched, self._desk.reach, account.broker_account_id, "stream")

    async def _apply(self, account: TradingAccount, update: TradeUpdate) -> None:
        ledger, key = self._desk.ledger, account.broker_account_id
        # The position moves in the transaction of the effect: it never runs ahead of what is on record.
        cursor = StreamCursor(worker=WORKER, stream=str(key), position=update.at)
        for number, fill in enumerate(update.fills, start=1):
            moves = cursor if number == len(update.fills) else None
            await self._desk.ask(record_fill, ledger, key, fill, "stream", update.order, moves)
        for change in update.changes:
            await self._desk.ask(record_fill_change, ledger, key, change)
        if not update.fills:
            await self._desk.ask(record_order, ledger, key, update.order, cursor)

    async def _quarantine(self, account: TradingAccount, row: Quarantined) -> None:
        key = account.broker_account_id
        await self._desk.ask(quarantine, self._desk.ledger, key, "TRADE_UPDATE_REJECTED", row)
