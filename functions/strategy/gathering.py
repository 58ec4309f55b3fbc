"""What the ledger holds of the market, as decisions look at it: bars, their sessions, and option chains.

Read once for all strategies of a bar, whatever each of them needs of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args

from functions.core.errors import BadInput
from functions.core.ledger.deciding import DecisionLedger, StoredBar, StoredChain
from functions.core.market_calendar import Calendar, exchange_date
from functions.strategy.bars import Bars, Timeframe
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
        self._bars: dict[tuple[str, Timeframe], tuple[int, Bars]] = {}
        self._chains: dict[tuple[str, datetime], Chain | None] = {}

    def bars(self, symbol: str, timeframe: Timeframe, count: int) -> Bars:
        """The newest `count` bars that had ended, or all where there are fewer, oldest first.

        Raises BadInput BAD_BAR or BAD_BARS where a stored one is none.
        """
        known = self._bars.get((symbol, timeframe))
        if known is None or known[0] < count:
            rows = self._ledger.bars_until(symbol, timeframe, self._until, count)
            known = (count, Bars.of(symbol, timeframe, rows, self._sessions(rows)))
            self._bars[symbol, timeframe] = known
        return known[1]

    def chain(self, underlying: str, bar_at: datetime) -> Chain | None:
        """The option chain as of the end of a bar; None where none was taken."""
        key = (underlying, bar_at)
        if key not in self._chains:
            stored = self._ledger.chain_at(underlying, bar_at)
            self._chains[key] = None if stored is None else self._with_greeks(stored)
        return self._chains[key]

    def market(self, symbol: str, inputs: Inputs, count: int, bar_at: datetime) -> Market:
        """All that a strategy of these inputs looks at beside its bars, `count` of them where it is bars."""
        return Market(
            others={
                other: self.bars(other, inputs.timeframe, count)
                for other in inputs.symbols
                if inputs.together and other != symbol
            },
            # What had ended by an earlier bar is cut from these: as many more as the bars that were missed.
            context={
                timeframe: self.bars(symbol, timeframe, needed + count) for timeframe, needed in inputs.context.items()
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

    def _sessions(self, rows: Sequence[StoredBar]) -> Calendar:
        return self._ledger.sessions(rows[0].starts_at, self._until) if rows else Calendar(())


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
