"""Option chains as of the end of a bar: what is needed is asked for, what is no market dropped, the rest one row.

What strategies hold or have ordered is asked for always, wherever its strike and expiry are by now: who cannot see its
market can neither stop nor leave.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import zip_longest

from functions.brokers.errors import Rejected
from functions.brokers.markets import OptionQuote
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.events import BarData
from functions.core.ledger.chains import (
    ChainLedger,
    ChainQuote,
    ChainWindow,
    ListedContract,
    StoredChain,
    TakenChain,
)
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import MarketDataLedger
from functions.core.log import logger
from functions.core.market_calendar import exchange_date
from functions.core.ports import Ports
from functions.ingest.chain_lists import ChainLists, tell_no_chain
from functions.ingest.chain_quotes import Moment, finding, unusable
from functions.ingest.findings import FindingLog

GRACE = timedelta(seconds=90)
"""How long after its bar a chain is still the bar's. Whoever decides without one waits as long."""
# The latest feed that there is: what came before that is no present of anybody's.
_LATEST_FEED = timedelta(minutes=15)
_MOST_CONTRACTS = 2000
_MOST_LOGGED = 10
_log = logger("option_chains")


def is_too_late(bar: BarData, now: datetime) -> bool:
    """Whether no feed can tell the chain of this bar any more: it is not asked then, and the bar has no chain."""
    return now > bar.ends_at + GRACE + _LATEST_FEED


class ChainTaker:
    """Takes the chain of a bar from a source. Told twice, there is one snapshot."""

    def __init__(self, reach: Ports, ledger: ChainLedger, source: MarketData) -> None:
        self._reach = reach
        self._ledger = ledger
        self._source = source
        self._lists = ChainLists(reach, ledger, source)

    async def take(
        self, bar: BarData, windows: Sequence[ChainWindow], in_hand: Sequence[ListedContract] = ()
    ) -> StoredChain | None:
        """The chain as stored; None where none could be had, which is told. Raises what may be tried again."""
        today = exchange_date(bar.ends_at)
        try:
            contracts = await self._contracts(bar, windows, in_hand, today)
            asked_at = self._reach.clock.now()
            if not contracts:
                return None
            answers = await self._source.option_quotes([one.symbol for one in contracts])
        except (Rejected, LedgerRefused) as error:
            await asyncio.to_thread(tell_no_chain, self._ledger, bar.symbol, error.text, today)
            return None
        moment = Moment(bar.ends_at, asked_at, GRACE, timedelta(seconds=self._reach.settings.chain_quote_age))
        wanted = {one.symbol for one in contracts}
        told = [answer for answer in answers if isinstance(answer, Quarantined) or answer.symbol in wanted]
        quotes, dropped = _sorted_out(told, moment)
        for row in [answer for answer in told if isinstance(answer, Quarantined)][:_MOST_LOGGED]:
            _log.warning("data rejected", underlying=bar.symbol, reason=row.reason, row=row.row)
        feed = next((quote.feed for quote in told if isinstance(quote, OptionQuote)), self._source.feed)
        if dropped:
            await asyncio.to_thread(self._tell_dropped, bar.symbol, feed, bar.ends_at, dropped)
        if dropped["LATER"] > len(quotes):
            # What is left stood still for long: a chain of it alone would be no picture of the bar.
            _log.warning("too late for a chain", underlying=bar.symbol, bar_at=bar.ends_at.isoformat(), **dropped)
            return None
        if not quotes:
            await asyncio.to_thread(tell_no_chain, self._ledger, bar.symbol, "no contract has a usable quote", today)
            return None
        taken = TakenChain(
            underlying=bar.symbol,
            bar_at=bar.ends_at,
            taken_at=asked_at,
            feed=feed,
            delay_seconds=max(quote.delay_seconds for quote in quotes),
            spot=bar.close,
            asked=len(contracts),
            dropped=dict(sorted(dropped.items())),
            quotes=tuple(_quote(quote) for quote in quotes),
        )
        try:
            return await asyncio.to_thread(self._ledger.record_chain, taken)
        except LedgerRefused as error:
            await asyncio.to_thread(tell_no_chain, self._ledger, bar.symbol, str(error), today)
            return None

    async def _contracts(
        self, bar: BarData, windows: Sequence[ChainWindow], in_hand: Sequence[ListedContract], today: date
    ) -> list[ListedContract]:
        """The contracts of the windows, by the day's list, and those in hand, which no limit cuts."""
        found = await self._in_windows(bar, windows, today) if windows else []
        if found is None and not in_hand:
            return []
        found = found or []
        if len(found) > _MOST_CONTRACTS:
            await asyncio.to_thread(self._tell_too_many, bar.symbol, len(found), today)
            found = _in_turns(found, windows, bar.close, today)[:_MOST_CONTRACTS]
        known = {one.symbol for one in found}
        found.extend(one for one in in_hand if one.symbol not in known)
        if not found:
            reason = "no listed contract has the days and strikes that are needed"
            await asyncio.to_thread(tell_no_chain, self._ledger, bar.symbol, reason, today)
        return found

    async def _in_windows(
        self, bar: BarData, windows: Sequence[ChainWindow], today: date
    ) -> list[ListedContract] | None:
        """By the day's list, which is brought where it is not there; None where it cannot be had, which is told."""
        until = today + timedelta(days=max(window.days_to for window in windows))
        listed = await asyncio.to_thread(self._listed, bar, windows, today, until)
        if listed is None:
            if not await self._lists.bring(bar.symbol, until):
                return None
            listed = await asyncio.to_thread(self._listed, bar, windows, today, until) or []
        return [one for one in listed if any(_is_in(one, window, bar.close, today) for window in windows)]

    def _listed(
        self, bar: BarData, windows: Sequence[ChainWindow], today: date, until: date
    ) -> list[ListedContract] | None:
        widest = max(window.width for window in windows)
        first = today + timedelta(days=min(window.days_from for window in windows))
        strikes = bar.close * (1 - widest), bar.close * (1 + widest)
        return self._ledger.listed_contracts(bar.symbol, today, expiries=(first, until), strikes=strikes)

    def _tell_dropped(self, underlying: str, feed: str, at: datetime, dropped: Counter[str]) -> None:
        _log.warning("quotes dropped", underlying=underlying, **dropped)
        findings = FindingLog(MarketDataLedger(self._reach.ledger))
        findings.add(finding(underlying, feed, at, reason, count) for reason, count in sorted(dropped.items()))
        findings.flush(at_once=True)

    def _tell_too_many(self, underlying: str, found: int, day: date) -> None:
        text = (
            f"strategies need {found} contracts of {underlying}; {_MOST_CONTRACTS} of them, of each the nearest to the "
            "money, are asked for: give their chains fewer days or a smaller width"
        )
        self._ledger.raise_alert(
            "CHAIN_TOO_WIDE",
            "warning",
            text,
            {"underlying": underlying, "contracts": found},
            f"wide|{underlying}|{day}",
        )


def _is_in(one: ListedContract, window: ChainWindow, spot: Decimal, today: date) -> bool:
    days = (one.expiry - today).days
    return window.days_from <= days <= window.days_to and abs(one.strike - spot) <= window.width * spot


def _in_turns(
    found: Sequence[ListedContract], windows: Sequence[ChainWindow], spot: Decimal, today: date
) -> list[ListedContract]:
    """Of each window in turn the nearest to the money: a wide one crowds out none."""
    near = sorted(found, key=lambda one: (abs(one.strike - spot), one.symbol))
    turns = zip_longest(*([one for one in near if _is_in(one, window, spot, today)] for window in windows))
    return list({one.symbol: one for turn in turns for one in turn if one is not None}.values())


def _sorted_out(answers: Sequence[OptionQuote | Quarantined], moment: Moment) -> tuple[list[OptionQuote], Counter[str]]:
    """The quotes that are a market at the moment, and how many are none, by reason."""
    quotes: list[OptionQuote] = []
    dropped: Counter[str] = Counter()
    for answer in answers:
        reason = "UNREADABLE" if isinstance(answer, Quarantined) else unusable(answer, moment)
        if reason is not None:
            dropped[reason] += 1
        elif isinstance(answer, OptionQuote):
            quotes.append(answer)
    return quotes, dropped


def _quote(quote: OptionQuote) -> ChainQuote:
    zero = Decimal(0)
    return ChainQuote(
        symbol=quote.symbol,
        bid=quote.bid or zero,
        ask=quote.ask or zero,
        bid_size=quote.bid_size or zero,
        ask_size=quote.ask_size or zero,
        quoted_at=quote.quoted_at,
        feed=quote.feed,
        delay_seconds=quote.delay_seconds,
        implied_volatility=quote.implied_volatility,
        delta=quote.delta,
        gamma=quote.gamma,
        theta=quote.theta,
        vega=quote.vega,
        rho=quote.rho,
        open_interest=quote.open_interest,
    )
