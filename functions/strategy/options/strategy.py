"""What the strategies in options have in common: they look at one bar and its chain, and at nothing before."""

from __future__ import annotations

from functions.strategy.bars import Bars
from functions.strategy.interface import ChainNeed, Columns, Strategy
from functions.strategy.options.config import OptionConfig


class OptionStrategy(Strategy):
    """On each of its symbols apart, with the chain of that symbol."""

    config: OptionConfig

    def warm_up(self) -> int:
        return 1

    def chains(self) -> tuple[ChainNeed, ...]:
        # From today on, so that what is held has a price until it expires.
        return tuple(ChainNeed(symbol, 0, self.config.days_to, self.config.chain_width) for symbol in self.symbols)

    def indicators(self, bars: Bars) -> Columns:
        return {}
