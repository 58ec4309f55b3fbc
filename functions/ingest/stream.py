"""The market data worker: one owner by lease, every bar stored before it is published, gaps filled from REST."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from functions.brokers.errors import NotConnected
from functions.brokers.protocol import Connected, Feed, Quarantined
from functions.core.errors import Temporary
from functions.core.events import BarCompleted, BarData, QuoteData
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.log import logger
from functions.core.ports import Ports
from functions.core.worker_life import Heart, hold_lease, patiently
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.quotes import QuoteBoard

WORKER = "stream_market_data"
BARS_TOPIC = "market-data-bars"
TIMEFRAME = "1Min"
_LEASE = "market-data-stream"
# What a strategy's warm-up may look back on when a symbol is watched for the first time: about two sessions.
_HISTORY = timedelta(days=5)
# Two clocks are never quite equal; beyond this a time is wrong.
_AHEAD_AT_MOST = timedelta(seconds=5)


class MarketDataWorker:
    """Streams the watched symbols; subscribes anew when they change."""

    def __init__(self, reach: Ports, ledger: MarketDataLedger, source: Feed) -> None:
        self._reach = reach
        self._ledger = ledger
        self._source = source
        self._board = QuoteBoard(reach.hot, reach.bus, reach.settings.quote_interval)
        self._heart = Heart(ledger, WORKER, reach.settings.heartbeat_interval)
        self._log = logger(WORKER)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; gives way while another process holds the lease."""
        async with contextlib.aclosing(hold_lease(self._reach, _LEASE, stop)) as leases:
            async for held in leases:
                await patiently(lambda: sync_calendar(self._ledger, self._source), stop, self._log, "calendar")
                await self._stream_while(held, stop)

    async def _stream_while(self, held: Callable[[], bool], stop: asyncio.Event) -> None:
        symbols: list[str] = []
        streaming: asyncio.Task[None] | None = None
        try:
            while held() and not stop.is_set():
                with contextlib.suppress(Temporary):
                    watched = await asyncio.to_thread(self._ledger.watched_symbols)
                    wanted = watched.symbols
                    if watched.left_out:
                        await asyncio.to_thread(self._too_many, watched.left_out)
                    if wanted != symbols:
                        self._log.info("watching", symbols=wanted)
                        await _end(streaming)
                        symbols = wanted
                        streaming = asyncio.create_task(self._stream(symbols, stop)) if symbols else None
                await self._heart.beat(symbols=len(symbols))
                if streaming is not None and streaming.done():
                    # It ends only by an error that waiting does not mend: let the supervisor see it.
                    streaming.result()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._reach.settings.watch_interval)
        finally:
            await _end(streaming)

    async def _stream(self, symbols: list[str], stop: asyncio.Event) -> None:
        # Closed when the symbols change, because the feed allows one connection only.
        async with contextlib.aclosing(self._source.stream(symbols)) as messages:
            async for message in messages:
                if isinstance(message, Connected):
                    await patiently(partial(self._fill_gap, symbols, stop), stop, self._log, "fill gap")
                elif isinstance(message, BarData):
                    await patiently(partial(asyncio.to_thread, self._hear_bar, message), stop, self._log, "bar")
                elif isinstance(message, QuoteData):
                    await patiently(partial(asyncio.to_thread, self._hear, message), stop, self._log, "quote")
                else:
                    await self._quarantine(message, stop)

    async def _fill_gap(self, symbols: list[str], stop: asyncio.Event) -> None:
        """What the stream did not bring: bars since the newest stored one, and the newest quotes."""
        now = (await self._source.clock()).now
        quotes = await self._source.quotes(symbols)
        for quote in quotes:
            if isinstance(quote, QuoteData):
                await asyncio.to_thread(self._hear, quote, now)
            else:
                await self._quarantine(quote, stop)
        for symbol in symbols:
            newest = await asyncio.to_thread(self._ledger.latest_bar_end, symbol, TIMEFRAME)
            start = newest if newest is not None else now - _HISTORY
            found = await self._source.bars(symbol, start, now)
            bars = [bar for bar in found if isinstance(bar, BarData) and bar.ends_at <= now]
            for row in found:
                if isinstance(row, Quarantined):
                    await self._quarantine(row, stop)
            if bars:
                self._log.info("gap filled", symbol=symbol, bars=len(bars))
                await asyncio.to_thread(self._store, bars[:-1])
                await asyncio.to_thread(self._complete, bars[-1])
            elif newest is not None:
                await asyncio.to_thread(self._reached, symbol, newest)

    def _store(self, bars: list[BarData]) -> None:
        """All at once; where the ledger refuses them, one by one, so that a bad bar costs no other."""
        try:
            self._ledger.record_market_data(bars)
        except LedgerRefused as error:
            if len(bars) == 1:
                self._reject(f"bar of {bars[0].symbol} at {bars[0].starts_at.isoformat()}: {error}", bars[0].symbol)
                return
            for bar in bars:
                self._store([bar])

    def _too_many(self, left_out: list[str]) -> None:
        text = f"the feed takes no more symbols; these get no market data: {', '.join(left_out)}"
        self._ledger.raise_alert(
            "TOO_MANY_SYMBOLS", "critical", text, {"symbols": len(left_out)}, f"too-many|{left_out}"
        )

    def _hear(self, quote: QuoteData, now: datetime | None = None) -> None:
        """A quote from the future would be the newest for ever: it is told of, not kept."""
        if quote.quoted_at > (now or self._reach.clock.now()) + _AHEAD_AT_MOST:
            self._reject(f"quote of {quote.symbol} is from the future: {quote.quoted_at.isoformat()}", quote.symbol)
            return
        self._board.heard(quote)

    def _reject(self, reason: str, symbol: str) -> None:
        self._ledger.raise_alert("DATA_REJECTED", "warning", reason, {"symbol": symbol}, f"data-rejected|{reason}")

    def _hear_bar(self, bar: BarData) -> None:
        """A bar from the future would move every cursor past the bars between: it is told of, not kept."""
        if bar.ends_at > self._reach.clock.now() + _AHEAD_AT_MOST:
            self._reject(f"bar of {bar.symbol} is from the future: {bar.ends_at.isoformat()}", bar.symbol)
            return
        self._complete(bar)

    def _complete(self, bar: BarData) -> None:
        """The row first, then the wake-up, then the position: whatever is lost between two of them is found again."""
        quote = self._board.newest(bar.symbol)
        try:
            self._ledger.record_market_data([bar], [quote] if quote else [])
        except LedgerRefused as error:
            self._ledger.raise_alert(
                "DATA_REJECTED", "warning", str(error), {"symbol": bar.symbol}, f"{bar.symbol}|{error.code}"
            )
            return
        self._board.flush(bar.symbol)
        self._reach.bus.publish(BARS_TOPIC, [BarCompleted.of(bar)])
        self._reached(bar.symbol, bar.ends_at)

    def _reached(self, symbol: str, position: datetime) -> None:
        self._ledger.record_stream_position(WORKER, symbol, position)

    async def _quarantine(self, message: Quarantined, stop: asyncio.Event) -> None:
        self._log.warning("data rejected", reason=message.reason, row=message.row)
        name = f"data-rejected|{named_uuid(message.row)}"
        text = f"a row of the market data feed could not be used: {message.reason}"
        raise_alert = partial(
            self._ledger.raise_alert, "DATA_REJECTED", "warning", text, {"row": message.row[:500]}, name
        )
        await patiently(partial(asyncio.to_thread, raise_alert), stop, self._log, "alert")


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is None:
        return
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, NotConnected):
        await task
