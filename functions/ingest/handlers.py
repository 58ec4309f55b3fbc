"""Entry points of `ingest`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from functions.brokers.protocol import MarketData
from functions.core.errors import BadInput
from functions.core.events import BarCompleted, ChainTaken, TradePlaced
from functions.core.handling import delivered
from functions.core.instruments import is_option
from functions.core.ledger.backfills import BackfillLedger
from functions.core.ledger.chains import ChainLedger
from functions.core.ledger.history import ArchivingLedger
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.market_calendar import exchange_date
from functions.core.ports import Ports, ports
from functions.core.runtime import event_loop, event_of
from functions.ingest import rolling_up
from functions.ingest.archiving import archive_finished
from functions.ingest.backfill_gate import QualityGate
from functions.ingest.backfilling import Backfiller, wait_for_source
from functions.ingest.bar_months import keep_months
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.chain_lists import NO_CREDENTIAL, ChainLists, prune_chains, tell_no_chain
from functions.ingest.chains import ChainTaker, is_too_late
from functions.ingest.listings import sync_corporate_actions as sync_actions
from functions.ingest.listings import sync_listings
from functions.ingest.option_stream import OptionStreamWorker
from functions.ingest.options import OPTIONS_TOPIC, OptionQuotes, no_source
from functions.ingest.source import awaited_source, data_source, require_source, while_current
from functions.ingest.stream import MarketDataWorker

Result = TypeVar("Result")


async def stream_market_data(stop: asyncio.Event) -> None:
    """Worker: bars and quotes of the watched symbols, until `stop` is set."""
    reach = ports("ingest")
    await _stream(reach, stop, lambda source: MarketDataWorker(reach, MarketDataLedger(reach.ledger), source).run)


async def stream_option_data(stop: asyncio.Event) -> None:
    """Worker: quotes of the options that orders and positions are in, until `stop` is set."""
    reach = ports("ingest")
    if reach.settings.clock == "replay":
        # The tape would not wait for this stream, and two replays would see different quotes: options are asked for
        # once a minute there, by the schedule.
        await stop.wait()
        return
    await _stream(reach, stop, lambda source: OptionStreamWorker(reach, MarketDataLedger(reach.ledger), source).run)


async def _stream(
    reach: Ports,
    stop: asyncio.Event,
    work: Callable[[MarketData], Callable[[asyncio.Event], Coroutine[Any, Any, None]]],
) -> None:
    """Works on the data credential that is to be used, and on another one when that changes."""
    while (found := await awaited_source(reach, stop)) is not None:
        ended = asyncio.Event()
        worker = asyncio.create_task(work(found.source)(ended))
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
    event_loop.run(_closing(found.source, OptionQuotes(reach, ledger, found.source).refresh(needed)))


async def _closing(source: MarketData, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives; the source is of no use after it."""
    try:
        return await work
    finally:
        await source.aclose()


@delivered
def snapshot_chains(message: Any) -> None:
    """Topic market-data-bars: a completed bar; where a strategy needs its symbol's chain, that is taken and told.

    It does where it declares one, and as long as it has a contract in hand.
    """
    event = event_of(message)
    if not isinstance(event, BarCompleted):
        raise BadInput("WRONG_EVENT", f"expected bar.completed, was {event.type}")
    reach, bar = ports("ingest"), event.data
    ledger = ChainLedger(reach.ledger)
    windows = ledger.chains_needed(bar.symbol, bar.timeframe)
    in_hand = ledger.contracts_in_hand(bar.symbol, exchange_date(bar.ends_at))
    if not windows:
        if not any(bar.timeframe in one.timeframes for one in in_hand):
            return
        # The first word on a bar stays: it has what the strategies on other bars need, too.
        windows = ledger.chains_needed(bar.symbol)
    # What is on record is told again: the wake-up may have been lost after the row was written.
    chain = ledger.chain_taken(bar.symbol, bar.ends_at)
    if chain is None and not is_too_late(bar, reach.clock.now()):
        found = data_source(reach)
        if found is None:
            tell_no_chain(ledger, bar.symbol, NO_CREDENTIAL, exchange_date(bar.ends_at))
            return
        taker = ChainTaker(reach, ledger, found.source)
        chain = event_loop.run(_closing(found.source, taker.take(bar, windows, in_hand)))
    if chain is not None:
        reach.bus.publish(OPTIONS_TOPIC, [ChainTaken.of(chain.event_data(bar.timeframe), event.trace)])


@delivered
def sync_option_chains(_message: Any) -> None:
    """Schedule, before the open: the contracts that strategies need today, so that the first chain is quick."""
    reach = ports("ingest")
    ledger, now = ChainLedger(reach.ledger), reach.clock.now()
    due = ledger.chains_to_list(now)
    if not due:
        return
    found = data_source(reach)
    if found is None:
        for one in due:
            tell_no_chain(ledger, one.underlying, NO_CREDENTIAL, exchange_date(now))
        return
    event_loop.run(_closing(found.source, ChainLists(reach, ledger, found.source).bring_all(due)))


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
    """Schedule: room for the coming months of bars, and the end of bars and option chains that are no longer kept."""
    reach = ports("ingest")
    keep_months(MarketDataLedger(reach.ledger), reach.clock)
    prune_chains(ChainLedger(reach.ledger), reach.clock)


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
    gate = QualityGate(reach, found.source)
    event_loop.run(_closing(found.source, Backfiller(reach, found.source, gate).work()))
