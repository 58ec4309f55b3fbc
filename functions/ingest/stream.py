"""The market data worker: one owner by lease; what comes passes the gate; a bar is stored before it is published.

What the stream did not bring is asked for by REST: after each connection, and while it is silent in session. Where the
feed tells no bars, they are made of its trades.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial

from functions.brokers.errors import NoBars, NotConnected
from functions.brokers.markets import TradePrint
from functions.brokers.protocol import BarsMissing, Connected, Feed, FeedMessage, Quarantined
from functions.core.errors import Temporary
from functions.core.events import BarCompleted, BarData, QuoteData
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.history import HistoryPart
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.log import logger
from functions.core.market_calendar import exchange_date
from functions.core.ports import Ports
from functions.core.worker_life import Heart, hold_lease, patiently
from functions.ingest.bar_builder import BarBuilder
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.checkpoint import KNOWN_BARS, Checkpoint
from functions.ingest.findings import FindingLog
from functions.ingest.quotes import QuoteBoard
from functions.ingest.silence import Silence

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
        self._checkpoint = Checkpoint(source.feed, FindingLog(ledger))
        self._calendar_of: date | None = None
        self._silence = Silence(reach.settings.stale_after, reach.settings.stale_poll_interval)
        self._builder = BarBuilder(timedelta(seconds=reach.settings.late_print_grace))
        # One alert for each day is enough.
        self._built_told = ""
        # The feed told no bars when it was asked for those that were missed.
        self._owes_bars = False
        # What is streamed and what is asked for is handled one after the other.
        self._handling = asyncio.Lock()
        self._heart = Heart(ledger, WORKER, reach.settings.heartbeat_interval)
        self._log = logger(WORKER)

    @property
    def is_building(self) -> bool:
        """Whether the feed tells no bars, so that they are made of its trades."""
        return self._builder.is_building

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; gives way while another process holds the lease."""
        async with contextlib.aclosing(hold_lease(self._reach, _LEASE, stop)) as leases:
            async for held in leases:
                await patiently(self._keep_calendar, stop, self._log, "calendar")
                await self._stream_while(held, stop)

    async def _keep_calendar(self) -> None:
        """Once for each exchange date: the gate must know the sessions that come."""
        today = exchange_date(await asyncio.to_thread(self._reach.clock.now))
        if today != self._calendar_of:
            self._checkpoint.keep(await sync_calendar(self._ledger, self._source))
            self._calendar_of = today

    async def _stream_while(self, held: Callable[[], bool], stop: asyncio.Event) -> None:
        symbols: list[str] = []
        working: list[asyncio.Task[None]] = []
        try:
            while held() and not stop.is_set():
                with contextlib.suppress(Temporary):
                    await self._keep_calendar()
                with contextlib.suppress(Temporary):
                    watched = await asyncio.to_thread(self._ledger.watched_symbols)
                    wanted = watched.symbols
                    if watched.left_out:
                        await asyncio.to_thread(self._too_many, watched.left_out)
                    if wanted != symbols:
                        self._log.info("watching", symbols=wanted)
                        await _end(working)
                        symbols = wanted
                        work = (self._stream, self._mind_silence) if symbols else ()
                        working = [asyncio.create_task(each(symbols, stop)) for each in work]
                await self._heart.beat(symbols=len(symbols))
                for task in working:
                    if task.done():
                        # It ends only by an error that waiting does not mend: let the supervisor see it.
                        task.result()
                async with self._handling:
                    with contextlib.suppress(Temporary):
                        await self._complete_built(stop)
                await asyncio.to_thread(self._checkpoint.findings.flush)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._reach.settings.watch_interval)
        finally:
            await _end(working)
            await asyncio.to_thread(partial(self._checkpoint.findings.flush, at_once=True))

    async def _stream(self, symbols: list[str], stop: asyncio.Event) -> None:
        self._silence.begin()
        # Closed when the symbols change, because the feed allows one connection only.
        async with contextlib.aclosing(self._source.stream(symbols)) as messages:
            async for message in messages:
                async with self._handling:
                    await self._hear_message(message, symbols, stop)

    async def _hear_message(self, message: FeedMessage, symbols: list[str], stop: asyncio.Event) -> None:
        if isinstance(message, Connected):
            self._builder.end()
            await patiently(partial(self._fill_gap, symbols), stop, self._log, "fill gap")
            return
        since = self._silence.heard()
        if since is not None:
            await patiently(partial(asyncio.to_thread, self._tell_end, since), stop, self._log, "alert")
        if isinstance(message, BarData):
            if self._owes_bars:
                await patiently(partial(self._fill_gap, symbols), stop, self._log, "fill gap")
            await self._hear_bar(message, stop)
        elif isinstance(message, BarsMissing):
            await patiently(partial(asyncio.to_thread, self._begin_building, message), stop, self._log, "clock")
        elif isinstance(message, TradePrint):
            late = self._builder.take(message)
            self._checkpoint.findings.add([] if late is None else [late])
        elif isinstance(message, QuoteData):
            await patiently(partial(asyncio.to_thread, self._hear, message), stop, self._log, "quote")
        else:
            await patiently(partial(asyncio.to_thread, self._quarantine, message), stop, self._log, "row")

    async def _hear_bar(self, message: BarData, stop: asyncio.Event) -> None:
        good = await patiently(partial(asyncio.to_thread, self._admit, message), stop, self._log, "bar")
        for bar in good or []:
            await patiently(partial(asyncio.to_thread, self._complete, bar), stop, self._log, "bar")
        if good is not None and message not in good:
            reached = partial(asyncio.to_thread, self._reached, message.symbol, message.ends_at)
            await patiently(reached, stop, self._log, "position")

    def _begin_building(self, message: BarsMissing) -> None:
        now = self._reach.clock.now()
        self._log.warning("no bars come: they are made of trades", delay_seconds=message.delay_seconds)
        self._builder.begin(now, message.delay_seconds)

    async def _complete_built(self, stop: asyncio.Event) -> None:
        """The bars made of trades whose minute is over, as if the feed had told them."""
        if not self._builder.is_building:
            return
        now = await asyncio.to_thread(self._reach.clock.now)
        for bar in self._builder.completed(now):
            await patiently(partial(asyncio.to_thread, self._tell_built, bar, now), stop, self._log, "alert")
            await self._hear_bar(bar, stop)

    async def _mind_silence(self, symbols: list[str], stop: asyncio.Event) -> None:
        """Asks by REST while the stream says nothing in session; when the market is closed, silence is right."""
        while True:
            await self._silence.lasts()
            try:
                now = await asyncio.to_thread(self._reach.clock.now)
            except Temporary:
                continue
            if self._checkpoint.calendar.at(now) is None:
                continue
            async with self._handling:
                try:
                    missed = await self._fill_gap(symbols)
                except Temporary as error:
                    self._log.warning("silent, and REST does not answer", code=error.code, reason=str(error))
                    missed = True
                if missed and self._silence.missed(now):
                    self._checkpoint.stale(symbols, now)
                    await patiently(
                        partial(asyncio.to_thread, self._tell_stale, symbols, now), stop, self._log, "alert"
                    )

    async def _fill_gap(self, symbols: list[str]) -> bool:
        """What the stream did not bring: bars since the newest stored one, and the newest quotes.

        Returns whether any is new. Safe to repeat: each time the gates look on from what is stored.
        """
        new = self._owes_bars = False
        now = (await self._source.clock()).now
        for quote in await self._source.quotes(symbols):
            if isinstance(quote, QuoteData):
                known = self._board.newest(quote.symbol)
                new = new or known is None or quote.quoted_at > known.quoted_at
                await asyncio.to_thread(self._hear, quote, now)
            else:
                await asyncio.to_thread(self._quarantine, quote)
        for symbol in symbols:
            newest = await asyncio.to_thread(self._ledger.latest_bar_end, symbol, TIMEFRAME)
            start = newest if newest is not None else now - _HISTORY
            stored = [] if newest is None else await asyncio.to_thread(
                self._ledger.bars_until, symbol, TIMEFRAME, newest, KNOWN_BARS
            )  # fmt: skip
            try:
                found = await self._source.bars(symbol, start, now)
            except NoBars as error:
                # Asked again once bars come: quotes and trades do not wait for them.
                self._log.warning("no bars to fill the gap", code=error.code, reason=str(error))
                self._owes_bars = True
                break
            told = [bar for bar in found if isinstance(bar, BarData) and bar.ends_at <= now]
            for row in found:
                if isinstance(row, Quarantined):
                    await asyncio.to_thread(self._quarantine, row)
            await asyncio.to_thread(self._know_splits, symbol, exchange_date(now))
            self._checkpoint.begin(symbol, stored)
            bars = [good for bar in told for good in self._checkpoint.bar(bar, polled=True)]
            if bars:
                new = True
                self._log.info("gap filled", symbol=symbol, bars=len(bars))
                await asyncio.to_thread(self._store, bars[:-1])
                await asyncio.to_thread(self._complete, bars[-1])
            position = max((bar.ends_at for bar in told), default=newest)
            if position is not None and (not bars or position > bars[-1].ends_at):
                await asyncio.to_thread(self._reached, symbol, position)
        await asyncio.to_thread(self._checkpoint.findings.flush)
        return new

    def _store(self, bars: list[BarData]) -> None:
        """All at once; where the ledger refuses them, one by one, so that a bad bar costs no other."""
        if not bars:
            return
        try:
            self._ledger.record_market_data(bars)
            # Nobody is woken by what is long over: of a gap, only the newest bars are published.
            self._ledger.roll_up_bars(bars[0].symbol, bars[0].starts_at, bars[-1].ends_at)
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

    def _hear(self, quote: QuoteData, polled_at: datetime | None = None) -> None:
        """A quote from the future would be the newest for ever: it is told of, not kept."""
        if quote.quoted_at > (polled_at or self._reach.clock.now()) + _AHEAD_AT_MOST:
            self._reject(f"quote of {quote.symbol} is from the future: {quote.quoted_at.isoformat()}", quote.symbol)
            return
        good = self._checkpoint.quote(quote, polled=polled_at is not None)
        self._checkpoint.findings.flush()
        if good is not None:
            self._board.heard(good)

    def _reject(self, reason: str, symbol: str) -> None:
        self._ledger.raise_alert("DATA_REJECTED", "warning", reason, {"symbol": symbol}, f"data-rejected|{reason}")

    def _admit(self, bar: BarData) -> list[BarData] | None:
        """The bars that may be used now; None for one from the future: it would move every cursor past the others."""
        if bar.ends_at > self._reach.clock.now() + _AHEAD_AT_MOST:
            self._reject(f"bar of {bar.symbol} is from the future: {bar.ends_at.isoformat()}", bar.symbol)
            return None
        self._know_splits(bar.symbol, exchange_date(bar.starts_at))
        good = self._checkpoint.bar(bar)
        self._checkpoint.findings.flush()
        return good

    def _know_splits(self, symbol: str, day: date) -> None:
        """Once for each exchange date: the night before, what became known of splits was brought."""
        if not self._checkpoint.knows(symbol, day):
            self._checkpoint.know(symbol, day, HistoryPart(self._reach.ledger).corporate_actions(symbol, day))

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
        # The minute first, then what is complete with it, shorter ones first.
        completed = [bar, *self._ledger.roll_up_bars(bar.symbol, bar.starts_at, bar.ends_at)]
        self._board.flush(bar.symbol)
        self._reach.bus.publish(BARS_TOPIC, [BarCompleted.of(each) for each in completed])
        self._reached(bar.symbol, bar.ends_at)

    def _reached(self, symbol: str, position: datetime) -> None:
        self._ledger.record_stream_position(WORKER, symbol, position)

    def _quarantine(self, row: Quarantined) -> None:
        self._log.warning("data rejected", reason=row.reason, row=row.row)
        self._checkpoint.unread(row, self._reach.clock.now())
        self._checkpoint.findings.flush()

    def _tell_stale(self, symbols: list[str], since: datetime) -> None:
        text = (
            f"the stream of {self._source.feed} is silent in session; its REST service is asked meanwhile. "
            "Look whether the feed is down"
        )
        numbers = {"symbols": ", ".join(symbols), "since": since.isoformat()}
        self._ledger.raise_alert("DATA_STALE", "critical", text, numbers, f"stale|{since.isoformat()}")

    def _tell_built(self, bar: BarData, now: datetime) -> None:
        text = (
            f"{self._source.feed} tells no bars of {bar.symbol}; they are made of its trades. Look whether its candles "
            "are down, or not part of what the login may see"
        )
        cause = f"bars-from-trades|{self._source.feed}|{exchange_date(now)}"
        if cause == self._built_told:
            return
        numbers = {"symbol": bar.symbol, "first": bar.starts_at.isoformat()}
        self._ledger.raise_alert("DATA_BARS_FROM_TRADES", "warning", text, numbers, cause)
        self._built_told = cause

    def _tell_end(self, since: datetime) -> None:
        self._log.info("stream speaks again", stale_since=since.isoformat())
        text = f"the stream of {self._source.feed} speaks again; it was stale since {since.isoformat()}"
        numbers = {"since": since.isoformat(), "until": self._reach.clock.now().isoformat()}
        self._ledger.raise_alert("DATA_STREAM_BACK", "info", text, numbers, f"stale-over|{since.isoformat()}")


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, NotConnected):
            await task
