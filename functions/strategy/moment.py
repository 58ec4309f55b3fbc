"""What a strategy may look at when it decides: completed data, and its own standing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from functions.core.events import QuoteData
from functions.core.instruments import is_option
from functions.strategy.bars import Bar, Bars, Timeframe, to_price
from functions.strategy.chain import Chain
from functions.strategy.holding import NOTHING, Holdings, Position, Standing, WorkingOrder
from functions.strategy.intents import NoTrade

_NO_CONTEXT: Mapping[Timeframe, Bars] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Seen:
    """One symbol at the moment: its newest completed bar, and the indicator columns there, without what is missing."""

    bar: Bar
    values: Mapping[str, int]


_NOBODY: Mapping[str, Seen] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything a strategy may look at: completed data only.

    `event_time` is the bar's end in UTC; `values` are the indicator columns at the bar: of those that the strategy
    calls optional, the missing ones are not in it. `seen` holds every symbol that has the same bar, where the strategy
    decides on all together. `context` are the newest bars of further timeframes that had ended by then. `chain` is the
    option chain as of the bar's end. `quote` is what woke `on_quote`, None elsewhere.
    """

    event_time: datetime
    symbol: str
    bar: Bar
    values: Mapping[str, int]
    standing: Standing = NOTHING
    seen: Mapping[str, Seen] = field(default_factory=lambda: _NOBODY)
    context: Mapping[Timeframe, Bars] = field(default_factory=lambda: _NO_CONTEXT)
    chain_seen: Chain | None = None
    quote: QuoteData | None = None

    @property
    def position(self) -> Position:
        """What this strategy holds of the symbol itself."""
        return self.standing.of(self.symbol)

    @property
    def held(self) -> Holdings:
        """All that this strategy holds in the symbol and in options on it; of several symbols, in all of them."""
        return self.standing.held

    @property
    def options(self) -> Holdings:
        """The options that this strategy holds, by symbol."""
        return {symbol: position for symbol, position in self.held.items() if is_option(symbol)}

    @property
    def working(self) -> tuple[WorkingOrder, ...]:
        """Its unfinished orders."""
        return self.standing.working

    @property
    def price(self) -> Decimal:
        """The bar's close, dollars."""
        return to_price(self.bar.close)

    @property
    def chain(self) -> Chain:
        """The option chain as of the bar's end. Raises NoTrade where there is none."""
        if self.chain_seen is None:
            raise NoTrade(f"no option chain of {self.symbol} at {self.event_time:%H:%M} UTC")
        return self.chain_seen

    @property
    def until_close(self) -> timedelta:
        """From the bar's end to the session's close. Raises NoTrade outside a session."""
        if self.bar.closes_at is None:
            raise NoTrade("the bar lies in no regular session of the market calendar")
        return self.bar.closes_at - self.event_time

    @property
    def since_open(self) -> timedelta:
        """From the session's opening to the bar's end. Raises NoTrade outside a session."""
        if self.bar.opens_at is None:
            raise NoTrade("the bar lies in no regular session of the market calendar")
        return self.event_time - self.bar.opens_at
