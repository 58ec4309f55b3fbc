"""Entry points of `ingest`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from functions.brokers.protocol import MarketData
from functions.core.errors import BadInput
from functions.core.events import TradePlaced
from functions.core.handling import delivered
from functions.core.instruments import is_option
from functions.core.ledger.backfills import BackfillLedger
from functions.core.ledger.history import ArchivingLedger
from functions.core.ledger.market_data import MarketDataLedger, NeededOption
from functions.core.ports import Ports, ports
from functions.core.runtime import event_loop, event_of
from functions.ingest import rolling_up
from functions.ingest.archiving import archive_finished
from functions.ingest.backfilling import Backfiller, wait_for_source
from functions.ingest.bar_months import keep_months
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.listings import sync_corporate_actions as sync_actions
from functions.ingest.listings import sync_listings
from functions.ingest.options import OptionQuotes, no_source
from functions.ingest.source import awaited_source, data_source, require_source, while_current
from functions.ingest.stream import MarketDataWorker


async def stream_market_data(stop: asyncio.Event) -> None:
    """Worker: bars and quotes of the watched symbols, until `stop` is set."""
    reach = ports("ingest")
    while (found := await awaited_source(reach, stop)) is not None:
        ended = asyncio.Event()
        worker = asyncio.create_task(MarketDataWorker(reach, MarketDataLedger(reach.ledger), found.source).run(ended))
        watch = asyncio.create_task(while_current(reach, found, stop))
        try:
            await asyncio.wait({worker, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            ended.set()
        try:
            await worker
        finally:
            await found.source.aclose()


async def _sync(reach: Ports, work: Callable[[MarketDataLedger, MarketData], Awaitable[object]]) -> None:
    source = await asyncio.to_thread(require_source, reach)
    try:
        await work(MarketDataLedger(reach.ledger), source)
    finally:
        await source.aclose()


@delivered
def quote_ordered_options(message: Any) -> None:
    """Topic trade-signals: an order was placed; where it is in options, their quotes, for risk to judge it by."""
    event = event_of(message)
    if not isinstance(event, TradePlaced):
        raise BadInput("WRONG_EVENT", f"expected trade.placed, was {event.type}")
    if is_option(event.data.symbol):
        _quote_options()


@delivered
def quote_open_options(_message: Any) -> None:
    """Schedule: the quotes of all options that pending and working orders and open positions are in."""
    _quote_options()


def _quote_options() -> None:
    reach = ports("ingest")
    ledger = MarketDataLedger(reach.ledger)
    needed = ledger.options_needed(reach.clock.now())
    if not needed:
        return
    found = data_source(reach)
    if found is None:
        no_source(ledger, needed)
        return
    event_loop.run(_ask(OptionQuotes(reach, ledger, found.source), found.source, needed))


async def _ask(quotes: OptionQuotes, source: MarketData, needed: Sequence[NeededOption]) -> None:
    try:
        await quotes.refresh(needed)
    finally:
        await source.aclose()


@delivered
def sync_market_calendar(_message: Any) -> None:
    """Schedule: the exchange's sessions, half days included, into the ledger."""
    event_loop.run(_sync(ports("ingest"), sync_calendar))


@delivered
def sync_instruments(_message: Any) -> None:
    """Schedule: ticks, names and whether they may be sold short, of the watched shares."""
    event_loop.run(_sync(ports("ingest"), sync_listings))


@delivered
def sync_corporate_actions(_message: Any) -> None:
    """Schedule: splits and dividends of the watched shares."""
    event_loop.run(_sync(ports("ingest"), sync_actions))


@delivered
def maintain_bars(_message: Any) -> None:
    """Schedule: room for the coming months of bars, and the end of those that are no longer kept."""
    reach = ports("ingest")
    keep_months(MarketDataLedger(reach.ledger), reach.clock)


@delivered
def roll_up_missed(_message: Any) -> None:
    """Schedule: longer bars that are over although their last minute has none."""
    reach = ports("ingest")
    rolling_up.roll_up_missed(reach, MarketDataLedger(reach.ledger))


@delivered
def archive_bars(_message: Any) -> None:
    """Schedule: the months of bars that are over, into the archive."""
    reach = ports("ingest")
    archive_finished(ArchivingLedger(reach.ledger), reach.archive, reach.clock.now())


@delivered
def run_backfills(_message: Any) -> None:
    """Schedule: goes on with the history that was asked for, for most of a minute."""
    reach = ports("ingest")
    if not BackfillLedger(reach.ledger).backfills_due(reach.clock.now()):
        return
    found = data_source(reach)
    if found is None:
        wait_for_source(reach)
        return
    event_loop.run(_backfill(reach, found.source))


async def _backfill(reach: Ports, source: MarketData) -> None:
    try:
        await Backfiller(reach, source).work()
    finally:
        await source.aclose()
