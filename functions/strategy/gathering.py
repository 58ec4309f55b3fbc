"""What the ledger holds of the market, as decisions look at it: bars, their sessions, and option chains.

Read once for all strategies of a bar, whatever each of them needs of it. Bars of before a split are in the unit of the
decision's day, as its broker's prices are; what comes later is in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import get_args

from functions.core.errors import BadInput
from functions.core.history.adjusting import CorporateAction, adjusted_bars
from functions.core.history.bars import Bar
from functions.core.ledger.deciding import DecisionLedger, StoredBar, StoredChain
from functions.core.market_calendar import Calendar, exchange_date
from functions.strategy.bars import BarRow, Bars, Timeframe
from functions.strategy.chain import Chain, ContractQuote
from functions.strategy.evaluate import Market
from functions.strategy.interface import Inputs
from functions.strategy.options.greeks import with_greeks

_TIMEFRAMES: tuple[Timeframe, ...] = get_args(Timeframe)


class MarketReader:
    """The stored market up to `until`, UTC; nothing later is read."""

    def __init__(self, ledger: DecisionLedger, until: datetime) -> None:
        self._ledger = ledger
        self._until = until
        self._rows: dict[tuple[str, Timeframe], tuple[int, list[StoredBar]]] = {}
        self._splits: dict[str, list[CorporateAction]] = {}
        self._bars: dict[tuple[str, Timeframe, int, date | None], Bars] = {}
        self._chains: dict[tuple[str, datetime], Chain | None] = {}

    def bars(self, symbol: str, timeframe: Timeframe, count: int, at: datetime | None = None) -> Bars:
        """The newest `count` bars that had ended, or all where there are fewer, oldest first.

        Where a split lies among them, those before it are adjusted to the unit of the exchange date of `at`, UTC
        (`until` where absent), and what came after the next split is left out. Raises BadInput BAD_BAR or BAD_BARS
        where a stored one is none.
        """
        known = self._rows.get((symbol, timeframe))
        if known is None or known[0] < count:
            known = (count, self._ledger.bars_until(symbol, timeframe, self._until, count))
            self._rows[symbol, timeframe] = known
        rows = known[1]
        splits = self._splits_within(symbol, rows)
        day = exchange_date(at or self._until) if splits else None
        unit = max((split.ex_date for split in splits if day and split.ex_date <= day), default=None)
        key = (symbol, timeframe, known[0], unit)
        if key not in self._bars:
            seen: Sequence[BarRow] = rows if day is None else _in_unit(rows, splits, day)
            self._bars[key] = Bars.of(symbol, timeframe, seen, self._sessions(rows))
        return self._bars[key]

    def chain(self, underlying: str, bar_at: datetime) -> Chain | None:
        """The option chain as of the end of a bar; None where none was taken."""
        key = (underlying, bar_at)
        if key not in self._chains:
            stored = self._ledger.chain_at(underlying, bar_at)
            self._chains[key] = None if stored is None else self._with_greeks(stored)
        return self._chains[key]

    def market(self, symbol: str, inputs: Inputs, count: int, bar_at: datetime, at: datetime | None = None) -> Market:
        """All that a strategy of these inputs looks at beside its bars, `count` of them where it is bars.

        `at` is when it decides, UTC: at the end of the bar where absent.
        """
        at = at or bar_at
        return Market(
            others={
                other: self.bars(other, inputs.timeframe, count, at)
                for other in inputs.symbols
                if inputs.together and other != symbol
            },
            # What had ended by an earlier bar is cut from these: as many more as the bars that were missed.
            context={
                timeframe: self.bars(symbol, timeframe, needed + count, at)
                for timeframe, needed in inputs.context.items()
            },
            chain=self.chain(symbol, bar_at) if inputs.chains else None,
        )

    def _with_greeks(self, stored: StoredChain) -> Chain:
        """What the feed does not say of greeks is computed, where the rate and the day of expiry are known."""
        chain = as_chain(stored)
        lacking = [quote.expiry for quote in chain.quotes if quote.delta is None]
        if not lacking or stored.rate is None:
            return chain
        beyond = chain.bar_at + (max(lacking) - exchange_date(chain.bar_at) + timedelta(days=1))
        return with_greeks(chain, stored.rate, self._ledger.sessions(chain.bar_at, beyond))

    def _splits_within(self, symbol: str, rows: Sequence[StoredBar]) -> list[CorporateAction]:
        """Those that the bars lie on both sides of, or that are effective since the newest of them."""
        if not rows or exchange_date(rows[0].starts_at) == exchange_date(self._until):
            return []
        if symbol not in self._splits:
            actions = self._ledger.corporate_actions(symbol, exchange_date(self._until))
            self._splits[symbol] = [action for action in actions if action.kind == "split"]
        first = exchange_date(rows[0].starts_at)
        return [split for split in self._splits[symbol] if split.ex_date > first]

    def _sessions(self, rows: Sequence[StoredBar]) -> Calendar:
        return self._ledger.sessions(rows[0].starts_at, self._until) if rows else Calendar(())


def _in_unit(rows: Sequence[StoredBar], splits: Sequence[CorporateAction], day: date) -> list[Bar]:
    """The bars in the unit of an exchange date, without those of a later unit."""
    later = min((split.ex_date for split in splits if split.ex_date > day), default=date.max)
    bars = [Bar(**row.model_dump(), feed="") for row in rows if exchange_date(row.starts_at) < later]
    return adjusted_bars(bars, [split for split in splits if split.ex_date <= day], "splits")


def as_chain(stored: StoredChain) -> Chain:
    """A stored chain as strategies look at it."""
    return Chain(
        underlying=stored.underlying,
        bar_at=stored.bar_at,
        taken_at=stored.taken_at,
        spot=stored.spot,
        feed=stored.feed,
        delay_seconds=stored.delay_seconds,
        quotes=tuple(
            ContractQuote(
                symbol=quote.symbol,
                expiry=quote.expiry,
                right=quote.right,
                strike=quote.strike,
                multiplier=quote.multiplier,
                bid=quote.bid,
                ask=quote.ask,
                quoted_at=quote.quoted_at,
                bid_size=quote.bid_size,
                ask_size=quote.ask_size,
                implied_volatility=quote.implied_volatility,
                delta=quote.delta,
                gamma=quote.gamma,
                theta=quote.theta,
                vega=quote.vega,
                open_interest=quote.open_interest,
            )
            for quote in stored.quotes
        ),
    )


def timeframe_of(name: str) -> Timeframe:
    """The timeframe of this name. Raises BadInput BAD_TIMEFRAME."""
    for timeframe in _TIMEFRAMES:
        if timeframe == name:
            return timeframe
    raise BadInput("BAD_TIMEFRAME", f"expected one of {', '.join(_TIMEFRAMES)}, was {name!r}")
