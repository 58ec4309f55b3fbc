"""Backfills: history in chunks of a month, each stored before the cursor moves, so that a killed one loses nothing.

A month that Postgres keeps goes there, with the longer bars that are rolled up of its minutes, an older one to the
archive; the sessions always to Postgres. The same chunk twice stores the same bars.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from functions.brokers.protocol import MarketData, Quarantined
from functions.core.errors import AgentTraderError, Temporary, Unavailable
from functions.core.events import BarData
from functions.core.history.bars import bar_of, month_of
from functions.core.ledger.backfills import Backfill, BackfillLedger
from functions.core.ledger.history import ArchivingLedger, Month
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.log import logger
from functions.core.market_calendar import exchange_date
from functions.core.ports import Ports
from functions.core.runtime import owner
from functions.ingest.archiving import add_to_archive
from functions.ingest.listings import list_share, sync_corporate_actions

# A scheduled call ends well within its minute; the next one goes on.
_WORKS_FOR = 40.0
_AT_ONCE = 2000
# A feed tells a minute a little after it is over.
_SETTLES_IN = timedelta(minutes=2)
_log = logger("backfills")


@dataclass(frozen=True, slots=True)
class Screened:
    """The bars that are good, oldest first, each once; `findings` is how many rows were found wanting."""

    bars: list[BarData]
    findings: int


Gate = Callable[[str, Sequence[BarData | Quarantined], datetime, datetime], Awaitable[Screened]]
"""Judges the rows of a symbol that start in [start, end)."""


async def read_rows(_symbol: str, rows: Sequence[BarData | Quarantined], _start: datetime, _end: datetime) -> Screened:
    """What can be read, in order; of a minute that comes more than once the last word counts."""
    bars = {row.starts_at: row for row in rows if isinstance(row, BarData)}
    return Screened([bars[at] for at in sorted(bars)], len(rows) - len(bars))


class Backfiller:
    """Goes on with what was asked for. `gate` judges the rows of a chunk before any is stored."""

    def __init__(self, reach: Ports, source: MarketData, gate: Gate = read_rows) -> None:
        self._reach = reach
        self._source = source
        self._gate = gate
        self._ledger = BackfillLedger(reach.ledger)
        self._market = MarketDataLedger(reach.ledger)
        self._archiving = ArchivingLedger(reach.ledger)

    async def work(self, seconds: float = _WORKS_FOR) -> int:
        """Chunks until none is due or the time is over; returns how many were stored."""
        until, chunks = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            now = _settled(self._reach.clock.now())
            claimed = await asyncio.to_thread(self._ledger.claim_backfill, owner(), now)
            if claimed is None:
                break
            try:
                chunks += await self._go_on(claimed, now, until)
            except AgentTraderError as error:
                _log.warning("backfill stopped", symbol=claimed.symbol, code=error.code, text=error.text)
                final = not isinstance(error, Temporary)
                await asyncio.to_thread(self._ledger.release_backfill, claimed.id, owner(), error, final=final)
            else:
                await asyncio.to_thread(self._ledger.release_backfill, claimed.id, owner())
        return chunks

    async def _go_on(self, claimed: Backfill, now: datetime, until: float) -> int:
        if not claimed.known:
            await list_share(self._market, self._source, claimed.symbol)
        if claimed.cursor_at == claimed.starts_at:
            # What is old is read adjusted: its splits are to be known with it.
            await sync_corporate_actions(self._market, self._source, [claimed.symbol])
        cursor, chunks = claimed.cursor_at, 0
        end = min(claimed.ends_at, now)
        while cursor < end:
            chunk_end = min(_next_month(cursor), end)
            rows = await self._source.bars(claimed.symbol, cursor, chunk_end)
            # The feed's range has both its ends, ours is without the last.
            rows = [row for row in rows if not isinstance(row, BarData) or row.starts_at < chunk_end]
            found = await self._gate(claimed.symbol, rows, cursor, chunk_end)
            if found.bars:
                # Longer bars are anchored at the open: the sessions come before the minutes that are rolled up by them.
                sessions = await self._source.calendar(exchange_date(cursor), exchange_date(chunk_end))
                await asyncio.to_thread(self._market.upsert_calendar, sessions, self._source.feed)
            await asyncio.to_thread(self._store, claimed, cursor, found.bars)
            cursor = chunk_end
            status = await asyncio.to_thread(
                self._ledger.advance_backfill,
                claimed.id,
                owner(),
                cursor,
                bars=len(found.bars),
                findings=found.findings,
            )
            chunks += 1
            _log.info("chunk stored", symbol=claimed.symbol, until=cursor.isoformat(), bars=len(found.bars))
            if status != "running" or cursor >= end or time.monotonic() >= until:
                break
        return chunks

    def _store(self, claimed: Backfill, at: datetime, bars: list[BarData]) -> None:
        if not bars:
            return
        month = month_of(at)
        if month >= claimed.kept_from:
            for first in range(0, len(bars), _AT_ONCE):
                self._market.record_market_data(bars[first : first + _AT_ONCE])
            # Nobody is woken by what is long over: these are warm-up.
            self._market.roll_up_bars(claimed.symbol, bars[0].starts_at, bars[-1].ends_at)
            return
        named = Month(symbol=claimed.symbol, timeframe=claimed.timeframe, month=month)
        add_to_archive(self._archiving, self._reach.archive, named, [bar_of(bar) for bar in bars])


def wait_for_source(reach: Ports) -> None:
    """Says on what waits longest that nobody's credential reads the market; it is tried again."""
    ledger = BackfillLedger(reach.ledger)
    claimed = ledger.claim_backfill(owner(), _settled(reach.clock.now()))
    if claimed is not None:
        text = "nobody has entered a data credential that opens; enter one, and the backfill goes on"
        ledger.release_backfill(claimed.id, owner(), Unavailable("NO_DATA_CREDENTIALS", text))


def _next_month(at: datetime) -> datetime:
    first = month_of(at)
    year, month = divmod(first.year * 12 + first.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _settled(now: datetime) -> datetime:
    """Up to when every minute is over and told."""
    return now.replace(second=0, microsecond=0) - _SETTLES_IN
