"""Decisions over a whole history: indicators once for all bars, then one decision a bar. Equal to `evaluate`, faster.

What is held and what works is the caller's: a backtest follows its simulated fills, a check follows the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from functions.core.errors import BadInput
from functions.strategy.bars import Bars
from functions.strategy.chain import Chain
from functions.strategy.decision import Decision, stay
from functions.strategy.evaluate import BARS_ONLY, Market, asked, context_at, values_at, waiting
from functions.strategy.holding import NOTHING, Standing
from functions.strategy.interface import Columns, Mask, Strategy
from functions.strategy.moment import Moment, Seen


class WholePass:
    """One strategy over completed bars of one symbol, oldest first; `market` is the rest of the market.

    Raises BadInput WRONG_BARS where they are not the strategy's, BAD_INDICATORS where it breaks the interface.
    """

    def __init__(self, strategy: Strategy, bars: Bars, market: Market = BARS_ONLY) -> None:
        self._strategy = strategy
        self._inputs = strategy.inputs()
        if bars.symbol not in self._inputs.symbols or bars.timeframe != self._inputs.timeframe:
            expected = f"{self._inputs.timeframe} bars of {', '.join(self._inputs.symbols)}"
            raise BadInput("WRONG_BARS", f"expected {expected}, was {bars.timeframe} bars of {bars.symbol}")
        self._bars = bars
        self._market = market
        self._columns = strategy.indicators(bars)
        self._others: Mapping[str, tuple[Bars, Columns]] = {
            symbol: (other, strategy.indicators(other))
            for symbol, other in market.others.items()
            if self._inputs.together and symbol in self._inputs.symbols and len(other)
        }
        self._wake: Mask | None = strategy.wake(self._columns)

    def __len__(self) -> int:
        return len(self._bars)

    def asleep(self, index: int) -> bool:
        """Whether the strategy says that this bar cannot matter to it while it is flat and nothing works."""
        return self._wake is not None and not bool(self._wake[index])

    def decide(self, index: int, standing: Standing = NOTHING, chain: Chain | None = None) -> Decision:
        """The decision on the bar at this index, as `evaluate` makes it. Raises BadInput as it does."""
        bars, strategy = self._bars, self._strategy
        bar = bars.bar(index)
        least = strategy.least_bars()
        if index + 1 < least:
            return stay(bars.symbol, bar.ends_at, f"warming up: {index + 1} of {least} bars")
        if standing.working:
            return waiting(strategy, bars.symbol, standing, bar.ends_at)
        values = values_at(strategy, bars, self._columns, index)
        ended = int(bars.ends_at[index])
        now = Moment(
            event_time=bar.ends_at,
            symbol=bars.symbol,
            bar=bar,
            values=values,
            standing=standing,
            seen={bars.symbol: Seen(bar, values), **self._seen(ended, least)} if self._inputs.together else {},
            context=context_at(self._market, self._inputs, ended),
            chain_seen=chain,
        )
        return asked(strategy, now, strategy.on_bar, self._market.terms)

    def _seen(self, ended: int, least: int) -> dict[str, Seen]:
        found: dict[str, Seen] = {}
        for symbol, (bars, columns) in self._others.items():
            index = int(np.searchsorted(bars.ends_at, ended, side="right")) - 1
            if index + 1 >= least and int(bars.ends_at[index]) == ended:
                found[symbol] = Seen(bars.bar(index), values_at(self._strategy, bars, columns, index))
        return found
