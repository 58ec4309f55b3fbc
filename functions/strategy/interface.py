"""What a strategy is: a kind with a validated config, causal indicators, and one decision for each completed bar.

A strategy holds no state. What it knows is in the bars, in its position and in its config, so that replay, backtest
and live give the same answer, also after a restart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from functions.core.errors import BadInput
from functions.core.money import text
from functions.strategy.bars import Bar, Bars, IntArray, Timeframe

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit"]
Action = Literal["open", "close", "adjust", "stay"]
Columns = Mapping[str, IntArray]
"""Indicator columns by name: int64, as long as the bars, `indicators.MISSING` where there are too few bars."""


class StrategyConfig(BaseModel):
    """What every strategy can be told. Unknown fields are refused; numbers may come as JSON numbers or as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    timeframe: Literal["1Min", "5Min", "15Min", "1Hour"] = Field(
        "1Min", description="The bars that the strategy decides on; the data feed must deliver this timeframe"
    )
    good_for_bars: int = Field(
        3, strict=True, ge=1, le=390, description="An order not yet sent this many bars after its decision expires"
    )


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a strategy needs to decide: symbols, one timeframe, and the bars (the newest included) it looks at."""

    symbols: tuple[str, ...]
    timeframe: Timeframe
    warm_up: int


@dataclass(frozen=True, slots=True)
class Position:
    """What this strategy holds in the symbol: signed quantity (negative is short), average entry price a unit.

    Raises BadInput BAD_POSITION where something is held and its entry price is missing.
    """

    quantity: Decimal = Decimal(0)
    average_entry: Decimal | None = None

    def __post_init__(self) -> None:
        if not self.quantity.is_finite():
            raise BadInput("BAD_POSITION", f"quantity must be finite, was {self.quantity}", field="quantity")
        entry = self.average_entry
        if self.quantity != 0 and (entry is None or not entry.is_finite() or entry <= 0):
            raise BadInput("BAD_POSITION", f"a held position needs an entry price above zero, was {entry}")


FLAT = Position()


@dataclass(frozen=True, slots=True)
class WorkingOrders:
    """This strategy's unfinished orders in the symbol: how many, and their signed remaining quantity together."""

    count: int = 0
    quantity: Decimal = Decimal(0)


NO_ORDERS = WorkingOrders()


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything a strategy may look at: completed data only.

    `event_time` is the bar's end in UTC; `values` are the indicator columns at the bar, none of them missing.
    """

    event_time: datetime
    symbol: str
    bar: Bar
    values: Mapping[str, int]
    position: Position = FLAT
    working: WorkingOrders = NO_ORDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Enter, or add to a position on the same side.

    `quantity` in shares or contracts, above zero. `limit` is for limit orders and only for them. `stop`,
    `target` and `time_exit` (UTC) are the planned exits, kept with the decision; risk rules measure the loss against
    the stop. The strategy itself watches them on each completed bar and closes.
    """

    side: Side
    quantity: Decimal
    reason: str
    order_type: OrderType = "market"
    limit: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    time_exit: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Leave the position, or `quantity` of it. Never turns it around."""

    reason: str
    quantity: Decimal | None = None
    order_type: OrderType = "market"
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust:
    """Bring the position to a signed quantity. A change of side closes first; the rest is for a later bar."""

    to: Decimal
    reason: str
    stop: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """Do nothing, and say why."""

    reason: str


Intent = Open | Close | Adjust | Stay


def as_data(intent: Intent) -> dict[str, str]:
    """An intent as JSON-ready text for the decision's record; what is not set is left out."""
    found = {"intent": type(intent).__name__.lower()}
    for name in intent.__slots__:
        value = getattr(intent, name)
        if value is not None:
            found[name] = text(value) if isinstance(value, Decimal) else str(value)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """An order ready for the ledger: prices on the tick, times UTC, `good_until` in event time."""

    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    position_intent: Literal["buy_to_open", "sell_to_close", "sell_to_open", "buy_to_close"]
    reduce_only: bool
    good_until: datetime
    reason: str
    limit_price: Decimal | None = None
    stop_loss_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one bar, also when that is nothing. `bar_at` is the bar's end, UTC; at most one order."""

    symbol: str
    bar_at: datetime
    action: Action
    reason: str
    intents: tuple[Intent, ...] = field(default=())
    orders: tuple[PlannedOrder, ...] = field(default=())


class Strategy(ABC):
    """Base of every strategy. A subclass names `kind` and `title`, nests `Config`, and annotates `config: Config`.

    One instance serves all its symbols; each bar of each symbol is its own decision.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[StrategyConfig]] = StrategyConfig
    config: StrategyConfig

    def __init__(self, config: StrategyConfig, symbols: tuple[str, ...]) -> None:
        if not isinstance(config, self.Config):
            raise TypeError(f"expected a {self.Config.__qualname__}, was {type(config).__qualname__}")
        self.config = config
        self.symbols = symbols

    @abstractmethod
    def warm_up(self) -> int:
        """How many bars, the newest included, a decision looks at; it never sees more."""

    def inputs(self) -> Inputs:
        """The symbols, the timeframe and the warm-up."""
        return Inputs(self.symbols, self.config.timeframe, self.warm_up())

    @abstractmethod
    def indicators(self, bars: Bars) -> Columns:
        """Indicator columns of all bars at once. Causal: a value at bar i depends on bars up to i, never later ones."""

    @abstractmethod
    def on_bar(self, now: Moment) -> Iterable[Intent]:
        """The intents of one completed bar: at most one that trades, or Stay with its reason."""
