"""What a broker can do, in the field's terms: the shapes every adapter speaks.

Prices and cash are Decimal dollars (positive pays), quantities Decimal shares or contracts, times UTC.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from functions.core.events import BarData, QuoteData
from functions.core.market_calendar import Session

Side = Literal["buy", "sell"]
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


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the broker takes; asking for more raises Unsupported before anything is sent."""

    order_types: frozenset[str]
    times_in_force: frozenset[str]
    notional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to send; exactly one of `quantity` and `notional` is set."""

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
class BrokerOrder:
    """An order as the broker has it. `raw_status` is the broker's own word, for logs."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFill:
    """One execution; `execution_id` is this path's name of it.

    `cumulative_quantity` is the filled quantity of the order after it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPosition:
    """A position as the broker has it; quantity is signed."""

    symbol: str
    quantity: Decimal
    average_entry_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """Cash, equity and buying power in dollars; None where the broker did not say."""

    cash: Decimal
    equity: Decimal
    buying_power: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketClock:
    """The broker's own time, UTC, and whether the regular session is open."""

    now: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is (again) subscribed: what happened before may have been missed, so take a snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeUpdate:
    """One message of the trade stream: the order as it is now, and the execution where it was one."""

    event: str
    at: datetime
    order: BrokerOrder
    fill: BrokerFill | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message that could not be read; it is kept, told about, and never guessed at."""

    reason: str
    row: str


class Broker(Protocol):
    """The trading side of one account at one broker. Every method is a coroutine; reads raise NotConnected."""

    name: str
    capabilities: Capabilities

    async def account(self) -> AccountSnapshot: ...

    async def positions(self) -> list[BrokerPosition]:
        """Every position; raises rather than returning a partial list."""
        ...

    async def open_orders(self) -> list[BrokerOrder]: ...

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """The order of this client order id; None only where the broker says that it has none."""
        ...

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        """The order of the broker's own id; None only where the broker says that it has none."""
        ...

    async def submit(self, order: OrderRequest) -> BrokerOrder:
        """Sends once. Raises Rejected, NotSent, OutcomeUnknown, Unsupported or BadCredentials; never retries by itself.

        An order of this client order id that the broker has already is returned as it is there.
        """
        ...

    async def replace(self, broker_order_id: str, change: OrderChange) -> BrokerOrder:
        """Asks once that a new order takes the place of a working one; returns the new one. Raises as `submit` does.

        An answer is an acceptance only: that the old order is replaced, or that it works on because the exchange would
        not have it, comes by the stream or by sync. An order of this client order id that the broker has already is
        returned as it is there.
        """
        ...

    async def cancel(self, broker_order_id: str) -> None:
        """Asks for a cancel; the order's end comes by the stream or by sync. An order that is over already is fine."""
        ...

    async def fills(self, since: datetime) -> list[BrokerFill]:
        """Every execution at or after `since`, oldest first, all pages."""
        ...

    async def clock(self) -> MarketClock: ...

    def trade_updates(self) -> AsyncGenerator[Connected | TradeUpdate | Quarantined, None]:
        """The trade stream, for ever: `Connected` first and after each reconnect. Raises BadCredentials.

        Close it (`contextlib.aclosing`): a broker may allow one stream only.
        """
        ...


class MarketData(Protocol):
    """The market data side of one feed."""

    feed: str

    async def clock(self) -> MarketClock: ...

    async def calendar(self, start: date, end: date) -> list[Session]: ...

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        """Completed one-minute bars that start in [start, end], oldest first, all pages."""
        ...

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteData | Quarantined]:
        """The latest quote of each symbol that has one."""
        ...

    def stream(self, symbols: Sequence[str]) -> AsyncGenerator[Connected | BarData | QuoteData | Quarantined, None]:
        """Bars and quotes of these symbols, for ever: `Connected` first and after each reconnect.

        Raises BadCredentials, and Unsupported where the feed will not serve the symbols. Close it, as a trade stream.
        """
        ...
