"""The market calendar from the broker into the ledger."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from functions.brokers.protocol import Feed
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.market_calendar import Calendar, exchange_date

_BACK = timedelta(days=14)
_AHEAD = timedelta(days=60)


async def sync_calendar(ledger: MarketDataLedger, source: Feed) -> Calendar:
    """Stores the sessions from two weeks ago to two months ahead, and returns them.

    Around the broker's own date, so that a replay gets the calendar of its tape.
    """
    today = exchange_date((await source.clock()).now)
    sessions = await source.calendar(today - _BACK, today + _AHEAD)
    await asyncio.to_thread(ledger.upsert_calendar, sessions, source.feed)
    return Calendar(sessions)
