"""The trade stream worker: one owner per account by lease; subscribe, then snapshot, then apply; also by polling."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from uuid import UUID

from functions.brokers.orders import TradeUpdate
from functions.brokers.protocol import Broker, Connected, Quarantined
from functions.core.errors import AgentTraderError, Misconfigured, Temporary
from functions.core.ledger.executing import StreamCursor, TradingAccount
from functions.core.log import logger
from functions.core.worker_life import Heart, hold_lease, patiently
from functions.execute.submitting import Desk
from functions.execute.syncing import sync_account
from functions.execute.witnessing import quarantine, record_fill, record_order

WORKER = "stream_trade_updates"


class TradeUpdatesWorker:
    """One task per active account; a newly linked account gets its task within the watch interval."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._heart = Heart(desk.ledger, WORKER, desk.reach.settings.heartbeat_interval)
        self._log = logger(WORKER)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set."""
        tasks: dict[UUID, asyncio.Task[None]] = {}
        again_at: dict[UUID, float] = {}
        try:
            while not stop.is_set():
                with contextlib.suppress(Temporary):
                    accounts = await self._desk.ask(self._desk.accounts.active)
                    for account in accounts:
                        key = account.broker_account_id
                        if key not in tasks and time.monotonic() >= again_at.get(key, 0.0):
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
        if not isinstance(error, AgentTraderError):
            raise error
        # One account that does not work must not stop the others.
        if isinstance(error, Temporary):
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
                tasks = [
                    asyncio.create_task(self._follow(account, broker, stop)),
                    asyncio.create_task(self._poll(account, broker, stop)),
                ]
                try:
                    while held() and not stop.is_set() and not any(task.done() for task in tasks):
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), self._desk.reach.settings.watch_interval)
                    for task in tasks:
                        if task.done():
                            task.result()
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, account: TradingAccount, broker: Broker, stop: asyncio.Event) -> None:
        async with contextlib.aclosing(broker.trade_updates()) as messages:
            async for message in messages:
                if isinstance(message, Connected):
                    # Subscribed first, so nothing falls between the snapshot and the stream; what comes twice counts
                    # once.
                    await patiently(partial(self._compare, account, broker), stop, self._log, "snapshot")
                elif isinstance(message, TradeUpdate):
                    await patiently(partial(self._apply, account, message), stop, self._log, "trade update")
                else:
                    await patiently(partial(self._quarantine, account, message), stop, self._log, "alert")

    async def _poll(self, account: TradingAccount, broker: Broker, stop: asyncio.Event) -> None:
        """The stream's silence proves nothing: the broker's lists are read all the same, on a timer."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._desk.reach.settings.poll_interval)
            with contextlib.suppress(Temporary):
                await self._compare(account, broker)

    async def _compare(self, account: TradingAccount, broker: Broker) -> None:
        synced = await sync_account(self._desk, account, broker)
        key = str(account.broker_account_id)
        await self._desk.ask(self._desk.ledger.record_stream_position, WORKER, key, synced.as_of)

    async def _apply(self, account: TradingAccount, update: TradeUpdate) -> None:
        ledger, key = self._desk.ledger, account.broker_account_id
        # The position moves in the transaction of the effect: it never runs ahead of what is on record.
        cursor = StreamCursor(worker=WORKER, stream=str(key), position=update.at)
        for number, fill in enumerate(update.fills, start=1):
            moves = cursor if number == len(update.fills) else None
            await self._desk.ask(record_fill, ledger, key, fill, "stream", update.order, moves)
        if not update.fills:
            await self._desk.ask(record_order, ledger, key, update.order, cursor)

    async def _quarantine(self, account: TradingAccount, row: Quarantined) -> None:
        key = account.broker_account_id
        await self._desk.ask(quarantine, self._desk.ledger, key, "TRADE_UPDATE_REJECTED", row)
