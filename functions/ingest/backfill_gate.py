"""Judges a chunk of a backfill as the stream's bars are judged, before any of it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from functions.brokers.protocol import MarketData, Quarantined
from functions.core.events import BarData
from functions.core.ledger.history import ArchivingLedger
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.market_calendar import Calendar, exchange_date
from functions.core.ports import Ports
from functions.ingest.backfilling import Screened
from functions.ingest.findings import FindingLog
from functions.ingest.quality.cleaning import clean
from functions.ingest.quality.findings import Unread


class QualityGate:
    """Minutes of regular sessions, each once; every finding is counted in the ledger and told."""

    def __init__(self, reach: Ports, source: MarketData) -> None:
        self._source = source
        self._ledger = ArchivingLedger(reach.ledger)
        self._findings = FindingLog(MarketDataLedger(reach.ledger))

    async def __call__(
        self, symbol: str, rows: Sequence[BarData | Quarantined], start: datetime, end: datetime
    ) -> Screened:
        calendar = Calendar(await self._source.calendar(exchange_date(start), exchange_date(end)))
        actions = await asyncio.to_thread(self._ledger.corporate_actions, symbol, exchange_date(end))
        told = [
            Unread(symbol, self._source.feed, row.reason, row.row, start) if isinstance(row, Quarantined) else row
            for row in rows
        ]
        judged = clean(told, calendar, actions=actions)
        self._findings.add(judged.findings)
        await asyncio.to_thread(self._findings.flush, at_once=True)
        return Screened(judged.bars, sum(finding.count for finding in judged.findings))
