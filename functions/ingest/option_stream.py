"""The option stream worker: one owner by lease; quotes of the options that orders and positions are in, as they come.

The schedule asks for the same options once a minute: greeks come with it alone, and where the stream is stale it is all
there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial

from functions.brokers.errors import NotConnected
from functions.brokers.markets import OptionQuote
from functions.brokers.protocol import Connected, MarketData, Quarantined
from functions.core.errors import Temporary
from functions.core.events import OptionQuoted, OptionQuoteData
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import Mark, MarketDataLedger, NeededOption
from functions.core.log import logger
from functions.core.ports import Ports
from functions.core.worker_life import Heart, hold_lease, patiently
from functions.ingest.chain_quotes import no_market
from functions.ingest.findings import FindingLog
from functions.ingest.options import OPTIONS_TOPIC, dropped, mark_of, quote_data, unread
from functions.ingest.quotes import CoalescedQuotes

WORKER = "stream_option_data"
_LEASE = "option-data-stream"
# What Alpaca's free feed takes; positions beyond it are asked for once a minute.
_MOST_SYMBOLS = 200


class OptionStreamWorker:
    """Streams the needed options that a listing is on record of; subscribes anew when the need changes."""

    def __init__(self, reach: Ports, ledger: MarketDataLedger, source: MarketData) -> None:
        self._reach = reach
        self._ledger = ledger
        self._source = source
        self._board = CoalescedQuotes[OptionQuoteData](
            reach.hot,
            reach.settings.quote_interval,
            lambda quote: reach.bus.publish(OPTIONS_TOPIC, [OptionQuoted.of(quote)]),
        )
        # The stream's quotes and what is said from time to time are handled one after the other.
        self._handling = asyncio.Lock()
        self._findings = FindingLog(ledger)
        self._marks: dict[str, Mark] = {}
        self._marked_at = time.monotonic()
        self._heart = Heart(ledger, WORKER, reach.settings.heartbeat_interval)
        self._log = logger(WORKER)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; gives way while another process holds the lease."""
        async with contextlib.aclosing(hold_lease(self._reach, _LEASE, stop)) as leases:
            async for held in leases:
                await self._stream_while(held, stop)

    async def _stream_while(self, held: Callable[[], bool], stop: asyncio.Event) -> None:
        wanted: dict[str, NeededOption] = {}
        streaming: asyncio.Task[None] | None = None
        try:
            while held() and not stop.is_set():
                with contextlib.suppress(Temporary):
                    needed = await asyncio.to_thread(self._needed)
                    if needed.keys() != wanted.keys():
                        self._log.info("watching", symbols=sorted(needed))
                        await _end(streaming)
                        wanted = needed
                        streaming = asyncio.create_task(self._stream(wanted, stop)) if wanted else None
                async with self._handling:
                    with contextlib.suppress(Temporary):
                        await asyncio.to_thread(self._say)
                await self._heart.beat(symbols=len(wanted))
                if streaming is not None and streaming.done():
                    # It ends only by an error that waiting does not mend: let the supervisor see it.
                    streaming.result()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._reach.settings.watch_interval)
        finally:
            await _end(streaming)
            await asyncio.to_thread(partial(self._findings.flush, at_once=True))

    def _needed(self) -> dict[str, NeededOption]:
        """What the feed does not list yet is looked at by the schedule first."""
        listed = [one for one in self._ledger.options_needed(self._reach.clock.now()) if one.listed]
        return {one.symbol: one for one in sorted(listed, key=lambda one: one.symbol)[:_MOST_SYMBOLS]}

    async def _stream(self, wanted: Mapping[str, NeededOption], stop: asyncio.Event) -> None:
        # Closed when the need changes, because a feed may allow one connection only.
        async with contextlib.aclosing(self._source.option_stream(sorted(wanted))) as messages:
            async for message in messages:
                if isinstance(message, Quarantined):
                    await patiently(partial(asyncio.to_thread, self._quarantine, message), stop, self._log, "row")
                elif isinstance(message, OptionQuote) and message.symbol in wanted:
                    hear = partial(asyncio.to_thread, self._hear, message, wanted[message.symbol].underlying)
                    async with self._handling:
                        await patiently(hear, stop, self._log, "quote")
                elif isinstance(message, Connected):
                    self._log.info("connected", symbols=len(wanted))

    def _hear(self, quote: OptionQuote, underlying: str) -> None:
        """What is no market is counted, and reaches nobody."""
        reason = no_market(quote, self._reach.clock.now())
        if reason is not None:
            self._findings.add([dropped(quote, reason)])
        else:
            self._board.heard(quote_data(quote, underlying))
            known = self._marks.get(quote.symbol)
            if known is None or known.marked_at <= quote.quoted_at:
                self._marks[quote.symbol] = mark_of(quote)

    def _say(self) -> None:
        """The newest quotes that were passed over, and at a bounded rate the marks."""
        self._findings.flush()
        self._board.flush_due()
        if not self._marks or time.monotonic() < self._marked_at + self._reach.settings.mark_interval:
            return
        try:
            self._ledger.upsert_marks([self._marks[symbol] for symbol in sorted(self._marks)])
        except LedgerRefused as error:
            self._reject(Quarantined(str(error), ", ".join(sorted(self._marks))))
        self._marks.clear()
        self._marked_at = time.monotonic()

    def _quarantine(self, row: Quarantined) -> None:
        self._log.warning("data rejected", reason=row.reason, row=row.row)
        self._findings.add([unread(row, self._source.feed, self._reach.clock.now())])

    def _reject(self, row: Quarantined) -> None:
        self._log.warning("data rejected", reason=row.reason, row=row.row)
        self._ledger.raise_alert(
            "DATA_REJECTED", "warning", f"a row of the option stream could not be used: {row.reason}",
            {"row": row.row[:500]}, f"data-rejected|{named_uuid(row.reason, row.row)}",
        )  # fmt: skip


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is None:
        return
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, NotConnected):
        await task
