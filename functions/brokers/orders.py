"""Orders, as every adapter speaks of them.

Prices and cash are Decimal dollars, quantities Decimal shares or contracts, times UTC. One sign convention inside: a
net price of several legs is positive where it pays and negative where it receives; the price of a single instrument is
always positive. Adapters turn it into their broker's convention.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Side = Literal["buy", "sell"]
PositionIntent = Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
OrderClass = Literal["simple", "multi_leg", "bracket", "oco", "oto"]
"""bracket: an entry with a target and a stop of which one cancels the other; oco: such a pair for a position that is
held; oto: an entry with one of them."""
OrderState = Literal[
    "submitted",
    "partially_filled",
    "filled",
    "cancel_pending",
    "replace_pending",
    "canceled",
    "expired",
    "rejected",
    "replaced",
]
"""The broker's many words for an order's state, normalised."""

FINAL_STATES: frozenset[OrderState] = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLeg:
    """One leg of an order of several; `ratio` contracts (or shares) of it per unit of the order."""

    symbol: str
    side: Side
    position_intent: PositionIntent
    ratio: int = 1


@dataclass(frozen=True, slots=True)
class TakeProfit:
    """The target of a bracket, OCO or OTO: a limit order."""

    limit_price: Decimal


@dataclass(frozen=True, slots=True)
class StopLoss:
    """The stop of a bracket, OCO or OTO: a stop order, or a stop-limit order where it has a limit."""

    stop_price: Decimal
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to send; exactly one of `quantity` and `notional` is set.

    An order of several legs has them in `legs` (its quantity counts units, its `limit_price` is the net price of one
    unit, positive pays); `symbol`, `side` and `position_intent` are then those of the first leg. An order of class oco
    closes what is held: `side` is the closing side, it has no price of its own.
    """

    client_order_id: str
    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    position_intent: str
    quantity: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    order_class: OrderClass = "simple"
    legs: tuple[OrderLeg, ...] = ()
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """What takes a working order's place: its own client order id, and the whole shape; None where the order has none.

    `quantity` is that of the whole order, what is filled included. `time_in_force` is day or gtc, None to keep it.
    """

    client_order_id: str
    quantity: Decimal
    time_in_force: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFill:
    """One execution; `execution_id` is this path's name of it.

    `leg` counts from 0 in the order's own order of legs. `cumulative_quantity` is the filled quantity of that leg after
    it, as the adapter knows it; `Capabilities.fills_named_by` says which of it and `execution_id` names the execution
    on every path. `fee` in dollars, None where the broker tells fees elsewhere.
    """

    execution_id: str
    broker_order_id: str
    client_order_id: str | None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    cumulative_quantity: Decimal
    executed_at: datetime
    leg: int = 0
    fee: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFillChange:
    """The broker takes an execution back (bust), or corrects it: then `quantity` and `price` are what it was.

    `corrects` is the execution's name on this path, `execution_id` that of the change itself.
    """

    kind: Literal["bust", "correction"]
    broker_order_id: str
    corrects: str
    execution_id: str | None
    executed_at: datetime
    quantity: Decimal | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLeg:
    """A leg of an order as the broker has it; quantities in contracts or shares, not in units of the order."""

    symbol: str
    side: Side
    position_intent: str | None
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOrder:
    """An order as the broker has it. `raw_status` is the broker's own word, for logs.

    Of several legs `symbol` and `side` are those of the first, `quantity` and `filled_quantity` count units of the
    whole: as many as every leg has filled. `children` are the target and the stop of a bracket, OCO or OTO.
    `fills` are the executions where the broker tells them with the order. `replaces` and `replaced_by` are broker order
    ids; an order that was replaced at the broker is found again by them.
    """

    broker_order_id: str
    client_order_id: str | None
    symbol: str
    side: Side
    order_type: str
    state: OrderState
    raw_status: str
    quantity: Decimal | None
    filled_quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    updated_at: datetime
    reason: str | None = None
    time_in_force: str | None = None
    position_intent: str | None = None
    average_price: Decimal | None = None
    order_class: OrderClass = "simple"
    legs: tuple[BrokerLeg, ...] = ()
    children: tuple[BrokerOrder, ...] = ()
    parent_order_id: str | None = None
    fills: tuple[BrokerFill, ...] = ()
    replaces: str | None = None
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOutcome:
    """What became of one order of a cancel-all: `accepted` says that the cancel is under way, not that it is done."""

    broker_order_id: str
    accepted: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPreview:
    """What an order would do to the account, in dollars; None where the broker does not say.

    `buying_power_change` and `margin_change` are negative where the order takes some. `fees` is what it costs.
    """

    buying_power_change: Decimal | None
    margin_change: Decimal | None
    fees: Decimal | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeUpdate:
    """One message of the trade stream: the order as it is now, and the executions or changes of such that it tells."""

    event: str
    at: datetime
    order: BrokerOrder
    fills: tuple[BrokerFill, ...] = ()
    changes: tuple[BrokerFillChange, ...] = ()
