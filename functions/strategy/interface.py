"""What a strategy is: a kind with a validated config, declared inputs, causal indicators, and one decision a bar.

A strategy holds no state. What it knows is in the bars, in its position and in its config, so that replay, backtest
and live give the same answer, also after a restart. All that a plug-in needs can be imported from here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from functions.core.money import Amount, text
from functions.strategy.bars import MISSING, Bar, Bars, IntArray, Timeframe
from functions.strategy.chain import Chain, ContractQuote
from functions.strategy.holding import Position, Standing, WorkingOrder
from functions.strategy.intents import Adjust, Close, CloseLegs, Intent, Leg, NoTrade, Open, OpenLegs, Side, Stay
from functions.strategy.moment import Moment, Seen

__all__ = [
    "MISSING",
    "Adjust",
    "Amount",
    "Bar",
    "Bars",
    "Chain",
    "ChainNeed",
    "Close",
    "CloseLegs",
    "Columns",
    "ContractQuote",
    "Fill",
    "Inputs",
    "Intent",
    "Leg",
    "Mask",
    "Moment",
    "NoTrade",
    "Open",
    "OpenLegs",
    "Position",
    "Seen",
    "Side",
    "Standing",
    "Stay",
    "Strategy",
    "StrategyConfig",
    "Timeframe",
    "WorkingOrder",
    "examples",
]

Columns = Mapping[str, IntArray]
"""Indicator columns by name: int64, as long as the bars, MISSING where there are too few bars."""
Mask = NDArray[np.bool_]
_NO_CONTEXT: Mapping[Timeframe, int] = MappingProxyType({})


class StrategyConfig(BaseModel):
    """What every strategy can be told. Unknown fields are refused; numbers may come as JSON numbers or as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    timeframe: Literal["1Min", "5Min", "15Min", "1Hour"] = Field(
        "1Min", description="The bars that the strategy decides on"
    )
    good_for_bars: int = Field(
        3, strict=True, ge=1, le=390, description="An order not yet sent this many bars after its decision expires"
    )
    cancel_after_bars: int = Field(
        5,
        strict=True,
        ge=1,
        le=390,
        description="A limit order that has not filled after this many bars is canceled",
    )


def examples(*configs: dict[str, JsonValue]) -> ConfigDict:
    """For a Config's `model_config`: configs that show what it is for. The schema, and so the form, carries them."""
    return ConfigDict(json_schema_extra={"examples": list(configs)})


@dataclass(frozen=True, slots=True)
class ChainNeed:
    """Which part of an option chain a strategy looks at.

    Contracts that expire in `days_from` to `days_to` calendar days (exchange dates), with strikes within `width` of the
    underlying's price, as a fraction of it: 0.15 is 15 % on either side.
    """

    underlying: str
    days_from: int
    days_to: int
    width: Decimal


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a strategy needs to decide.

    It decides on bars of `timeframe` and looks at `warm_up` of them, the newest included. `context` are further
    timeframes, with how many bars of each. `together`: one decision for all symbols, when each has its bar; else one
    for each symbol. `quotes` and `fills` say that it also decides when those come.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    warm_up: int
    context: Mapping[Timeframe, int] = field(default_factory=lambda: _NO_CONTEXT)
    chains: tuple[ChainNeed, ...] = ()
    together: bool = False
    quotes: bool = False
    fills: bool = False

    def data(self) -> dict[str, Any]:
        """JSON-ready: what the ledger keeps with a validated version, and market data is fetched by."""
        return {
            "symbols": list(self.symbols),
            "timeframe": self.timeframe,
            "warm_up": self.warm_up,
            "context": dict(self.context),
            "chains": [
                {
                    "underlying": need.underlying,
                    "days_from": need.days_from,
                    "days_to": need.days_to,
                    "width": text(need.width),
                }
                for need in self.chains
            ],
            "together": self.together,
            "quotes": self.quotes,
            "fills": self.fills,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution of this strategy's order. `quantity` is signed (negative is sold), `price` dollars a unit."""

    symbol: str
    quantity: Decimal
    price: Decimal


class Strategy(ABC):
    """Base of every strategy. A subclass names `kind` and `title`, nests `Config`, and annotates `config: Config`.

    One instance serves all its symbols. `optional` names the indicator columns that may be missing after the warm-up.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[StrategyConfig]] = StrategyConfig
    optional: ClassVar[frozenset[str]] = frozenset()
    together: ClassVar[bool] = False
    config: StrategyConfig

    def __init__(self, config: StrategyConfig, symbols: tuple[str, ...]) -> None:
        if not isinstance(config, self.Config):
            raise TypeError(f"expected a {self.Config.__qualname__}, was {type(config).__qualname__}")
        self.config = config
        self.symbols = symbols
        self._inputs: Inputs | None = None

    @abstractmethod
    def warm_up(self) -> int:
        """How many bars, the newest included, a decision looks at; it never sees more."""

    def least_bars(self) -> int:
        """With how many bars it can begin, where that is fewer than it looks at: a day's first bars, for one."""
        return self.warm_up()

    def context(self) -> Mapping[Timeframe, int]:
        """Further timeframes, and how many of their newest bars a decision looks at."""
        return _NO_CONTEXT

    def chains(self) -> tuple[ChainNeed, ...]:
        """The option chains it looks at, each on one of its symbols; with them it decides when the chain is there."""
        return ()

    def inputs(self) -> Inputs:
        """All that it needs; it never changes."""
        if self._inputs is None:
            self._inputs = self._declared()
        return self._inputs

    def _declared(self) -> Inputs:
        return Inputs(
            symbols=self.symbols,
            timeframe=self.config.timeframe,
            warm_up=self.warm_up(),
            context=self.context(),
            chains=self.chains(),
            together=self.together,
            quotes=type(self).on_quote is not Strategy.on_quote,
            fills=type(self).on_fill is not Strategy.on_fill,
        )

    @abstractmethod
    def indicators(self, bars: Bars) -> Columns:
        """Indicator columns of all bars at once. Causal: a value at bar i depends on bars up to i, never later ones."""

    @abstractmethod
    def on_bar(self, now: Moment) -> Iterable[Intent]:
        """The intents of one completed bar, or Stay with its reason; raise NoTrade(reason) to stay from anywhere.

        At most one intent that trades for each symbol, and at most one order in options.
        """

    def on_quote(self, now: Moment) -> Iterable[Intent]:
        """Optional: what to do on a new quote, `now.quote`, between bars. A strategy that has it hears quotes.

        Quotes are coalesced: not every one comes.
        """
        raise NotImplementedError

    def on_fill(self, now: Moment, fill: Fill) -> Iterable[Intent]:
        """Optional: what to do when an order of this strategy was filled, before the next bar."""
        raise NotImplementedError

    def wake(self, columns: Columns) -> Mask | None:
        """Optional: at which bars `on_bar` can want anything while nothing is held and nothing works.

        The rest is skipped in a pass over history, never live. None: at all of them. It may wake too often, never too
        seldom.
        """
        return None
