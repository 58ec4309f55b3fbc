"""What brokers list of the watched shares, once a day: their terms, their splits and dividends."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from itertools import groupby

from functions.brokers.errors import BadResponse, Rejected, Unsupported
from functions.brokers.markets import CorporateAction, Listing
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import ListedInstrument, MarketDataLedger, TickStep, ToldAction
from functions.core.log import logger
from functions.core.market_calendar import exchange_date

# All there is costs no more calls than the last days do, and history is adjusted by all of it.
_FIRST = date(1990, 1, 1)
_AHEAD = timedelta(days=120)
_log = logger("listings")


async def sync_listings(ledger: MarketDataLedger, source: MarketData) -> int:
    """Brings the terms of the watched shares up to date; returns how many instruments changed.

    Not the smallest quantity, nor that a share may not be traded: both are one broker's, and orders go to others too.
    """
    today = exchange_date((await source.clock()).now)
    changed = 0
    for symbol in await _watched(ledger):
        try:
            listing = await source.listing(symbol)
            if listing is None:
                await _tell(ledger, symbol, f"{source.feed} lists no {symbol}")
            else:
                changed += await asyncio.to_thread(ledger.upsert_instruments, [_told(listing)], source.feed, today)
        except (Rejected, BadResponse, LedgerRefused) as error:
            # Of this share alone.
            await _tell(ledger, symbol, f"the listing of {symbol} cannot be used: {error}")
    return changed


async def list_share(ledger: MarketDataLedger, source: MarketData, symbol: str) -> None:
    """Makes a share known as the source lists it. Raises BadInput UNKNOWN_SYMBOL where it lists none."""
    listing = await source.listing(symbol)
    if listing is None or listing.instrument.kind != "stock":
        raise BadInput("UNKNOWN_SYMBOL", f"{source.feed} lists no share {symbol}; check its name", symbol=symbol)
    today = exchange_date((await source.clock()).now)
    await asyncio.to_thread(ledger.upsert_instruments, [_told(listing)], source.feed, today)


async def sync_corporate_actions(ledger: MarketDataLedger, source: MarketData, symbols: list[str] | None = None) -> int:
    """Brings the splits and dividends of the watched shares, or of these, up to date; returns how many changed.

    Where the source cannot tell them it is said, once a day, and what is known stays.
    """
    today = exchange_date((await source.clock()).now)
    changed = 0
    for symbol in symbols if symbols is not None else await _watched(ledger):
        try:
            told = await source.corporate_actions(symbol, _FIRST, today + _AHEAD)
            changed += await _record(ledger, source, symbol, told, today + _AHEAD)
        except Unsupported as error:
            await asyncio.to_thread(
                ledger.raise_alert, "NO_CORPORATE_ACTIONS", "warning",
                f"history is adjusted for what is known already and for nothing new: {error.text}",
                {"feed": source.feed}, f"no-corporate-actions|{source.feed}|{today}",
            )  # fmt: skip
            return changed
        except (Rejected, LedgerRefused) as error:
            await _tell(ledger, symbol, f"the corporate actions of {symbol} cannot be used: {error}")
    _log.info("corporate actions", changed=changed)
    return changed


async def _record(
    ledger: MarketDataLedger,
    source: MarketData,
    symbol: str,
    told: list[CorporateAction | Quarantined],
    until: date,
) -> int:
    actions = [_told_action(one) for one in told if isinstance(one, CorporateAction)]
    unread = [one for one in told if isinstance(one, Quarantined)]
    for row in unread:
        await _tell(ledger, symbol, f"a corporate action of {symbol} cannot be read: {row.reason}", row.row)
    if not unread:
        return await asyncio.to_thread(ledger.record_corporate_actions, symbol, actions, source.feed, _FIRST, until)
    # The list has holes: what it does not say may be in one of them, and nothing is taken back.
    changed = 0
    for day, of_the_day in groupby(actions, key=lambda action: action.ex_date):
        changed += await asyncio.to_thread(
            ledger.record_corporate_actions, symbol, list(of_the_day), source.feed, day, day
        )
    return changed


async def _watched(ledger: MarketDataLedger) -> list[str]:
    watched = await asyncio.to_thread(ledger.watched_symbols)
    return [*watched.symbols, *watched.left_out]


async def _tell(ledger: MarketDataLedger, symbol: str, reason: str, row: str = "") -> None:
    _log.warning("listing rejected", symbol=symbol, reason=reason)
    await asyncio.to_thread(
        ledger.raise_alert, "LISTING_REJECTED", "warning", reason, {"symbol": symbol, "row": row[:500]},
        f"listing-rejected|{named_uuid(symbol, reason)}",
    )  # fmt: skip


def _told(listing: Listing) -> ListedInstrument:
    found = listing.instrument
    return ListedInstrument(
        symbol=found.symbol,
        kind="equity",
        name=listing.name,
        ticks=tuple(TickStep(start=start, tick=tick) for start, tick in found.ticks.steps),
        tradable=True if listing.tradable else None,
        shortable=listing.shortable,
    )


def _told_action(action: CorporateAction) -> ToldAction:
    return ToldAction(
        kind=action.kind,
        ex_date=action.ex_date,
        special=action.special,
        ratio=action.ratio,
        amount=action.amount,
        record_date=action.record_date,
        payable_date=action.payable_date,
        source_id=action.source_id,
    )
