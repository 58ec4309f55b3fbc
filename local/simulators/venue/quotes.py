"""What anything is worth now, shares and options alike."""

from __future__ import annotations

from decimal import Decimal

from functions.backtest.market import Quote
from functions.core.instruments import STOCK_TICKS, OptionSymbol, TickTable
from local.simulators.venue.option_market import MULTIPLIER, OptionMarket
from local.simulators.venue.prices import Prices

_ONE = Decimal(1)


class Quotes:
    """Prices per share in dollars."""

    def __init__(self, prices: Prices, options: OptionMarket) -> None:
        self.prices = prices
        self.options = options

    def option(self, symbol: str) -> OptionSymbol | None:
        """The listed contract of this symbol, expired or not; None for shares and for what is not listed."""
        return None if symbol in self.prices.symbols else self.options.listed(symbol)

    def is_tradable(self, symbol: str) -> bool:
        """Whether the venue lists it and it has not expired."""
        option = self.option(symbol)
        return symbol in self.prices.symbols or (option is not None and self.options.is_active(option))

    def multiplier(self, symbol: str) -> Decimal:
        """Shares per unit."""
        return _ONE if symbol in self.prices.symbols else MULTIPLIER

    def ticks(self, symbol: str) -> TickTable:
        option = self.option(symbol)
        return STOCK_TICKS if option is None else self.options.ticks(option.root)

    def quote(self, symbol: str) -> Quote | None:
        """The latest quote; None before there is one."""
        if symbol in self.prices.symbols:
            return self.prices.quote(symbol)
        view = self.options.view(symbol)
        return None if view is None else view.quote

    def mark(self, symbol: str) -> Decimal | None:
        """What one is worth; None where it is not known."""
        if symbol in self.prices.symbols:
            return self.prices.mark(symbol)
        view = self.options.view(symbol)
        return None if view is None else view.mark
