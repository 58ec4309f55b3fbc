"""The day's list of an underlying's option contracts: asked of the source once, kept in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date

from functions.brokers.errors import Rejected
from functions.brokers.markets import OptionContract
from functions.brokers.protocol import MarketData, Quarantined
from functions.core.clock import Clock
from functions.core.errors import Temporary
from functions.core.instruments import OptionSymbol, TickTable
from functions.core.ledger.chains import PRUNED_AT_ONCE, ChainContract, ChainLedger, ChainToList
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.market_data import TickStep
from functions.core.log import logger
from functions.core.market_calendar import exchange_date
from functions.core.ports import Ports

NO_CREDENTIAL = "no data credential opens, enter one"
_AT_ONCE = 1000
_log = logger("option_chains")


class ChainLists:
    """Brings lists. The same list again changes nothing."""

    def __init__(self, reach: Ports, ledger: ChainLedger, source: MarketData) -> None:
        self._reach = reach
        self._ledger = ledger
        self._source = source

    async def bring(self, underlying: str, until: date) -> int:
        """Stores what the source lists up to and with this expiry; returns how many contracts.

        A source that lists nothing is told of and asked again: an answer that came too early would hold for the day.
        Raises the source's and the ledger's errors.
        """
        began_at = self._reach.clock.now()
        answer = await self._source.option_chain(underlying, until=until)
        unreadable = [row for row in answer if isinstance(row, Quarantined)]
        if unreadable:
            await asyncio.to_thread(self._tell_unreadable, underlying, unreadable, exchange_date(began_at))
        listed = [
            _contract(row)
            for row in answer
            if isinstance(row, OptionContract) and row.expiry <= until and not _is_adjusted(row)
        ]
        if not listed:
            await asyncio.to_thread(
                tell_no_chain, self._ledger, underlying, "the source lists no contract", exchange_date(began_at)
            )
            return 0
        left_out: list[str] = []
        for start in range(0, len(listed), _AT_ONCE):
            part, is_last = listed[start : start + _AT_ONCE], start + _AT_ONCE >= len(listed)
            left_out += await asyncio.to_thread(
                self._ledger.record_chain_list,
                underlying,
                part,
                self._source.feed,
                began_at,
                until if is_last else None,
            )
        if left_out:
            await asyncio.to_thread(self._tell_left_out, left_out)
        _log.info("contracts listed", underlying=underlying, until=until.isoformat(), contracts=len(listed))
        return len(listed) - len(left_out)

    async def bring_all(self, due: Sequence[ChainToList]) -> int:
        """Brings each of these lists; returns how many.

        What is wrong with one keeps no other from being brought; an error that may pass is raised at the end.
        """
        later: Temporary | None = None
        brought = 0
        today = exchange_date(self._reach.clock.now())
        for one in due:
            try:
                brought += await self.bring(one.underlying, one.until) > 0
            except Temporary as error:
                later = error
            except (Rejected, LedgerRefused) as error:
                await asyncio.to_thread(tell_no_chain, self._ledger, one.underlying, str(error), today)
        if later is not None:
            raise later
        return brought

    def _tell_unreadable(self, underlying: str, rows: list[Quarantined], day: date) -> None:
        _log.warning("data rejected", underlying=underlying, rows=len(rows), reason=rows[0].reason, row=rows[0].row)
        self._ledger.raise_alert(
            "DATA_REJECTED", "warning",
            f"{len(rows)} rows of the list of {underlying}'s options could not be used: {rows[0].reason}",
            {"underlying": underlying, "rows": len(rows), "row": rows[0].row[:500]},
            f"data-rejected|chain list|{underlying}|{day}",
        )  # fmt: skip

    def _tell_left_out(self, symbols: list[str]) -> None:
        self._ledger.raise_alert(
            "DATA_REJECTED", "warning",
            f"the feed lists other terms than what was traded has: {', '.join(symbols)}; no chain has these",
            {"symbols": ", ".join(symbols)}, f"data-rejected|other terms|{symbols}",
        )  # fmt: skip


def prune_chains(ledger: ChainLedger, clock: Clock) -> None:
    """Removes the chains that were kept long enough, by the clock that the functions read."""
    removed = more = ledger.prune_option_chains(clock.now())
    while more >= PRUNED_AT_ONCE:
        more = ledger.prune_option_chains(clock.now())
        removed += more
    _log.info("option chains pruned", removed=removed)


def tell_no_chain(ledger: ChainLedger, underlying: str, reason: str, day: date) -> None:
    """Says that strategies on this underlying decide without a chain, once a day for each reason."""
    _log.warning("no option chain", underlying=underlying, reason=reason)
    text = f"no option chain of {underlying}: {reason}; strategies that need it do not trade"
    name = f"no-option-chain|{underlying}|{day}|{reason}"
    ledger.raise_alert("NO_OPTION_CHAIN", "warning", text, {"underlying": underlying}, name)


def _is_adjusted(row: OptionContract) -> bool:
    """A contract that a split or a merger has changed: its root ends in a digit, and it delivers more than shares."""
    return OptionSymbol.parse(row.symbol).root[-1].isdigit()


def _contract(row: OptionContract) -> ChainContract:
    return ChainContract(
        symbol=row.symbol,
        multiplier=row.multiplier,
        ticks=None if row.ticks is None else _steps(row.ticks),
        style=row.style,
        tradable=row.tradable,
        open_interest=row.open_interest,
        open_interest_on=row.open_interest_on,
        close_price=row.close_price,
        close_on=row.close_on,
    )


def _steps(ticks: TickTable) -> tuple[TickStep, ...]:
    return tuple(TickStep(start=start, tick=tick) for start, tick in ticks.steps)
