"""The trade stream worker: one owner per account by lease; subscribe, then snapshot, then apply; also by polling."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from uuid import UUID

from functions.brokers.errors import NotConnected
from functions.brokers.protocol import Broker, Connected, Quarantined, TradeUpdate
from functions.core.errors import Misconfigured, Temporary
from functions.core.identity import named_uuid
from functions.core.ledger.executing import StreamCursor, TradingAccount
from functions.core.log import logger
from functions.core.worker_life import hold_lease, patiently
from functions.execute.submitting import Desk
from functions.execute.syncing import sync_account
from functions.execute.witnessing import record_fill, record_order

WORKER = "stream_trade_updates"


class TradeUpdatesWorker:
    """One task per active account; a newly linked account gets its task within the watch interval."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._log = logger(WORKER)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set."""
        tasks: dict[UUID, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                with contextlib.suppress(Temporary):
                    accounts = await self._desk.ask(self._desk.accounts.active)
                    for account in accounts:
                        if account.broker_account_id not in tasks:
                            tasks[account.broker_account_id] = asyncio.create_task(self._serve(account, stop))
                for key, task in list(tasks.items()):
                    if task.done():
                        await self._ended(key, task)
                        del tasks[key]
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._desk.reach.settings.watch_interval)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _ended(self, account: UUID, task: asyncio.Task[None]) -> None:
        error = task.exception() if not task.cancelled() else None
        if error is None:
            return
        if not isinstance(error, Misconfigured):
            raise error
        # An account without keys must not stop the others; it is tried again, and said once.
        text, name = error.text, f"cannot-stream|{account}|{error.code}"
        with contextlib.suppress(Temporary):
            await self._desk.ask(
                self._desk.ledger.raise_alert, error.code, "critical", text, {"account": str(account)}, name
            )

    async def _serve(self, account: TradingAccount, stop: asyncio.Event) -> None:
        key = account.broker_account_id
        broker = self._desk.accounts.broker_of(account)
        async for held in hold_lease(self._desk.reach, f"trade-stream:{key}", stop):
            following = asyncio.create_task(self._follow(account, broker, stop))
            polling = asyncio.create_task(self._poll(account, broker, stop))
            try:
                while held() and not stop.is_set() and not following.done():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), self._desk.reach.settings.watch_interval)
                if following.done():
                    following.result()
            finally:
                for task in (following, polling):
                    task.cancel()
                await asyncio.gather(following, polling, return_exceptions=True)

    async def _follow(self, account: TradingAccount, broker: Broker, stop: asyncio.Event) -> None:
        async for message in broker.trade_updates():
            if isinstance(message, Connected):
                # Subscribed first, so nothing falls between the snapshot and the stream; what comes twice counts once.
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
            with contextlib.suppress(Temporary, NotConnected):
                await self._compare(account, broker)
                await self._desk.ask(self._desk.ledger.record_heartbeat, f"{WORKER}:{account.broker_account_id}", {})

    async def _compare(self, account: TradingAccount, broker: Broker) -> None:
        as_of = await sync_account(self._desk, account, broker)
        await self._desk.ask(self._desk.ledger.record_stream_position, WORKER, str(account.broker_account_id), as_of)

    async def _apply(self, account: TradingAccount, update: TradeUpdate) -> None:
        ledger, key = self._desk.ledger, account.broker_account_id
        # The position moves in the transaction of the effect: it never runs ahead of what is on record.
        cursor = StreamCursor(worker=WORKER, stream=str(key), position=update.at)
        if update.fill is not None:
            await self._desk.ask(record_fill, ledger, key, update.fill, "stream", update.order, cursor)
        else:
            await self._desk.ask(record_order, ledger, key, update.order, cursor)

    async def _quarantine(self, account: TradingAccount, row: Quarantined) -> None:
        self._log.error("trade update rejected", reason=row.reason, row=row.row)
        numbers = {"account": str(account.broker_account_id), "row": row.row[:500]}
        await self._desk.ask(
            self._desk.ledger.raise_alert,
            "TRADE_UPDATE_REJECTED",
            "critical",
            row.reason,
            numbers,
            f"trade-update|{named_uuid(row.row)}",
        )
