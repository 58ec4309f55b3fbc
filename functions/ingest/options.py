"""Quotes of options: asked for where an order or a position needs them, recorded, and told to who decides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.brokers.errors import Rejected
from functions.brokers.markets import OptionQuote
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.events import OptionQuoted, OptionQuoteData
from functions.core.hotstore.keys import quote_key
from functions.core.identity import named_uuid
from functions.core.ledger import market_data as told
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import MarketDataLedger, NeededOption
from functions.core.log import logger
from functions.core.ports import Ports
from functions.ingest.chain_quotes import finding, no_market
from functions.ingest.findings import FindingLog
from functions.ingest.quality.findings import Finding, Unread

OPTIONS_TOPIC = "market-data-options"
_log = logger("option_quotes")


class OptionQuotes:
    """Asks for the options that orders and positions need. Told twice, the same quote changes nothing."""

    def __init__(self, reach: Ports, ledger: MarketDataLedger, source: MarketData) -> None:
        self._reach = reach
        self._ledger = ledger
        self._source = source
        self._findings = FindingLog(ledger)

    async def refresh(self, needed: Sequence[NeededOption]) -> int:
        """Brings the newest quote of each; returns how many have one. What has none yet is asked for again."""
        wanted = {option.symbol: option for option in needed}
        for option in needed:
            if not option.listed:
                await self._list(option, wanted)
        if not wanted:
            return 0
        now = self._reach.clock.now()
        quotes, found = [], []
        for answer in await self._source.option_quotes(sorted(wanted)):
            if isinstance(answer, Quarantined):
                _log.warning("data rejected", reason=answer.reason, row=answer.row)
                found.append(unread(answer, self._source.feed, now))
            elif answer.symbol in wanted:
                reason = no_market(answer, now)
                if reason is None:
                    quotes.append(answer)
                else:
                    found.append(dropped(answer, reason))
        self._findings.add(found)
        await asyncio.to_thread(self._findings.flush, at_once=True)
        return await asyncio.to_thread(self._keep, quotes, wanted)

    async def _list(self, option: NeededOption, wanted: dict[str, NeededOption]) -> None:
        """What the source lists under this symbol, before its first quote: with other terms it is no market of it."""
        try:
            listing = await self._source.listing(option.symbol)
        except Rejected as error:
            # Of this contract alone: the others are asked for all the same.
            self._reject(f"{option.symbol}: {error.text}", option.symbol)
            del wanted[option.symbol]
            return
        if listing is None or listing.instrument.multiplier != option.multiplier:
            lists = "nothing" if listing is None else f"a multiplier of {listing.instrument.multiplier}"
            self._reject(f"{option.symbol} of multiplier {option.multiplier}: the feed lists {lists}", option.symbol)
            del wanted[option.symbol]

    def _keep(self, quotes: Sequence[OptionQuote], wanted: dict[str, NeededOption]) -> int:
        """The rows first, then what decisions look at, then the wake-up; returns how many were kept.

        All at once; where the ledger refuses them, one by one, so that a bad quote costs no other.
        """
        if not quotes:
            return 0
        try:
            self._record(quotes, wanted)
        except LedgerRefused as error:
            if len(quotes) > 1:
                return sum(self._keep([quote], wanted) for quote in quotes)
            self._reject(f"quote of {quotes[0].symbol}: {error}", quotes[0].symbol)
            return 0
        said = [quote_data(quote, wanted[quote.symbol].underlying) for quote in quotes]
        self._reach.hot.put_many({quote_key(quote.symbol): quote.model_dump(mode="json") for quote in said})
        self._reach.bus.publish(OPTIONS_TOPIC, [OptionQuoted.of(quote) for quote in said])
        return len(quotes)

    def _record(self, quotes: Sequence[OptionQuote], wanted: dict[str, NeededOption]) -> None:
        """Raises LedgerRefused."""
        listed = [
            told.ListedOption(
                symbol=quote.symbol, feed=quote.feed, delay_seconds=quote.delay_seconds, listed_at=quote.quoted_at
            )
            for quote in quotes
            if not wanted[quote.symbol].listed
        ]
        self._ledger.record_option_data(listed, [_row(quote) for quote in quotes])
        self._ledger.upsert_marks([mark_of(quote) for quote in quotes])

    def _reject(self, reason: str, row: str) -> None:
        _log.warning("data rejected", reason=reason, row=row)
        self._ledger.raise_alert(
            "DATA_REJECTED", "warning", f"a row of the option feed could not be used: {reason}", {"row": row[:500]},
            f"data-rejected|{named_uuid(reason, row)}",
        )  # fmt: skip


def no_source(ledger: MarketDataLedger, needed: Sequence[NeededOption]) -> None:
    """Says that nobody's credential tells what these options are worth: their orders wait, and expire."""
    text = "no data credential opens: orders in options wait for a quote and expire; enter one"
    numbers = {"symbols": ", ".join(option.symbol for option in needed)}
    ledger.raise_alert("NO_OPTION_QUOTES", "warning", text, numbers, f"no-option-quotes|{numbers['symbols']}")


def dropped(quote: OptionQuote, reason: str) -> Finding:
    """A quote that is no market, as it is counted: under its contract, at the time it says."""
    return finding(quote.symbol, quote.feed, quote.quoted_at, reason, what="quote of the option")


def unread(row: Quarantined, feed: str, at: datetime) -> Finding:
    """A row that could not be read, as it is counted."""
    return Unread(row.symbol, feed, row.reason, row.row, at, "quote" if row.no_market else "malformed").finding


def quote_data(quote: OptionQuote, underlying: str) -> OptionQuoteData:
    return OptionQuoteData(underlying=underlying, **_two_sides(quote))


def _row(quote: OptionQuote) -> told.OptionQuote:
    return told.OptionQuote(
        **_two_sides(quote),
        implied_volatility=quote.implied_volatility,
        delta=quote.delta,
        gamma=quote.gamma,
        theta=quote.theta,
        vega=quote.vega,
        rho=quote.rho,
    )


def _two_sides(quote: OptionQuote) -> dict[str, Any]:
    zero = Decimal(0)
    return {
        "symbol": quote.symbol,
        "bid": quote.bid or zero,
        "ask": quote.ask,
        "bid_size": quote.bid_size or zero,
        "ask_size": quote.ask_size or zero,
        "quoted_at": quote.quoted_at,
        "feed": quote.feed,
        "delay_seconds": quote.delay_seconds,
    }


def mark_of(quote: OptionQuote) -> told.Mark:
    """The middle, as for shares between two bars."""
    middle = ((quote.bid or Decimal(0)) + (quote.ask or Decimal(0))) / 2
    return told.Mark(symbol=quote.symbol, mark=middle, marked_at=quote.quoted_at, source=f"quote {quote.feed}")
