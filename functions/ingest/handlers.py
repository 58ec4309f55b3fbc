"""Entry points of `ingest`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

import asyncio
from typing import Any

from functions.core.handling import delivered
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.ports import Ports, ports
from functions.core.runtime import event_loop
from functions.ingest.bar_months import keep_months
from functions.ingest.calendar_sync import sync_calendar
from functions.ingest.source import awaited_source, require_source, while_current
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


async def _sync_calendar(reach: Ports) -> None:
    source = await asyncio.to_thread(require_source, reach)
    try:
        await sync_calendar(MarketDataLedger(reach.ledger), source)
    finally:
        await source.aclose()


@delivered
def sync_market_calendar(_message: Any) -> None:
    """Schedule: the exchange's sessions, half days included, into the ledger."""
    reach = ports("ingest")
    event_loop.run(_sync_calendar(reach))


@delivered
def maintain_bars(_message: Any) -> None:
    """Schedule: room for the coming months of bars, and the end of those that are no longer kept."""
    reach = ports("ingest")
    keep_months(MarketDataLedger(reach.ledger), reach.clock)
