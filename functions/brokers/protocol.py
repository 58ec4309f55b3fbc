"""What a broker can do: one protocol, spoken by every adapter; each adapter passes the same contract tests.

The shapes are in `orders`, `holdings`, `markets` and `capabilities`; the errors in `errors`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from functions.brokers.capabilities import Capabilities
from functions.brokers.holdings import AccountRules, AccountSnapshot, BrokerActivity, BrokerPosition
from functions.brokers.markets import (
    CorporateAction,
    Listing,
    MarketClock,
    OptionContract,
    OptionQuote,
    TradePrint,
)
from functions.brokers.orders import (
    BrokerFill,
    BrokerOrder,
    CancelOutcome,
    OrderChange,
    OrderPreview,
    OrderRequest,
    TradeUpdate,
)
from functions.core.events import BarData, QuoteData
from functions.core.market_calendar import Session


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is (again) subscribed: what happened before may have been missed, so take a snapshot."""


@dataclass(frozen=True, slots=True)
class BarsMissing:
    """The feed gives no bars at present: every trade of the symbols follows from now on, until `Connected`."""

    delay_seconds: int = 0
    """How late the feed says that its trades are."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that could not be read; it is kept, told about, and never guessed at."""

    reason: str
    row: str
    symbol: str = ""
    """Empty where the row does not say."""
    no_market: bool = False
    """A quote that can be read and is none: a side of zero, or crossed sides."""


FeedMessage = Connected | BarsMissing | BarData | QuoteData | TradePrint | Quarantined
"""What the stream of a feed brings."""


class Broker(Protocol):
    """The trading side of one account at one broker. Every method is a coroutine.

    Reads raise NotConnected (ask again), BadCredentials, and Rejected for a definite no. What a broker lacks raises
    Unsupported before anything is sent.
    """

    name: str
    capabilities: Capabilities

    async def account(self) -> AccountSnapshot: ...

    async def rules(self) -> AccountRules:
        """Who the account is and what it may do, by a call that changes nothing: also what proves a credential."""
        ...

    async def positions(self) -> list[BrokerPosition]:
        """Every position; raises rather than returning a partial list."""
        ...

    async def open_orders(self) -> list[BrokerOrder | Quarantined]:
        """Every order that may still fill, oldest first, all pages; of a bracket the parent with its children."""
        ...

    async def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """The order of this client order id; None only where the broker says that it has none."""
        ...

    async def find_orders(self, client_order_id: str) -> list[BrokerOrder]:
        """Every order of this client order id: more than one where a broker that does not deduplicate has two."""
        ...

    async def order(self, broker_order_id: str) -> BrokerOrder | None:
        """The order of the broker's own id; None only where the broker says that it has none."""
        ...

    async def preview(self, order: OrderRequest) -> OrderPreview:
        """What the order would do to the account; nothing is placed. Raises Rejected, Unsupported."""
        ...

    async def submit(self, order: OrderRequest) -> BrokerOrder:
        """Sends once. Raises Rejected, NotSent, OutcomeUnknown, Unsupported or BadCredentials; never retries by itself.

        Where the broker deduplicates, an order of this client order id that it has already is returned as it is there.
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

    async def cancel_all(self, symbol: str | None = None) -> list[CancelOutcome]:
        """Asks for a cancel of every open order, or of one symbol's; one outcome per order, none is left out."""
        ...

    async def close_position(self, symbol: str, client_order_id: str, quantity: Decimal | None = None) -> BrokerOrder:
        """A market order that closes the position, or `quantity` of it. Raises as `submit`; Rejected where flat."""
        ...

    async def exercise(self, symbol: str) -> None:
        """Exercises every contract held of this option. Raises Rejected, Unsupported, OutcomeUnknown."""
        ...

    async def do_not_exercise(self, symbol: str) -> None:
        """Keeps the option from being exercised automatically at expiry."""
        ...

    async def fills(self, since: datetime) -> list[BrokerFill | Quarantined]:
        """Every execution at or after `since`, oldest first, all pages."""
        ...

    async def activities(self, since: datetime) -> list[BrokerActivity | Quarantined]:
        """What happened at or after `since` besides fills, oldest first, all pages."""
        ...

    async def clock(self) -> MarketClock: ...

    def trade_updates(self) -> AsyncGenerator[Connected | TradeUpdate | Quarantined, None]:
        """The trade stream, for ever: `Connected` first and after each reconnect. Raises BadCredentials.

        Close it (`contextlib.aclosing`): a broker may allow one stream only.
        """
        ...

    async def aclose(self) -> None:
        """Gives its connections back; safe to call twice."""
        ...


class Feed(Protocol):
    """Shares as one feed tells of them, and the times of their market."""

    feed: str

    async def clock(self) -> MarketClock: ...

    async def calendar(self, start: date, end: date) -> list[Session]: ...

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        """Completed one-minute bars that start in [start, end], oldest first, all pages.

        Raises NoBars where the feed answers and tells none of any minute.
        """
        ...

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteData | Quarantined]:
        """The latest quote of each symbol that has one."""
        ...

    def stream(self, symbols: Sequence[str]) -> AsyncGenerator[FeedMessage, None]:
        """Bars and quotes of these symbols, for ever: `Connected` first and after each reconnect.

        Where it tells no bars, trades come instead: after `BarsMissing`, until the next `Connected`.
        Raises BadCredentials, and Unsupported where the feed will not serve the symbols. Close it, as a trade stream.
        """
        ...

    async def aclose(self) -> None:
        """Gives its connections back; safe to call twice."""
        ...


class MarketData(Feed, Protocol):
    """The market data side of a broker: its feed, what it lists, and its option chains."""

    async def listing(self, symbol: str) -> Listing | None:
        """The instrument as the broker lists it, with its ticks and lot; None where it lists none."""
        ...

    async def corporate_actions(self, symbol: str, start: date, end: date) -> list[CorporateAction | Quarantined]:
        """The share's splits and cash dividends with ex-dates in [start, end], by date; all pages.

        Raises Unsupported where the source does not tell them all: half a list would pass for the whole.
        """
        ...

    async def option_chain(
        self, underlying: str, expiry: date | None = None, *, until: date | None = None
    ) -> list[OptionContract | Quarantined]:
        """The contracts of an underlying, by expiry, strike and right; all pages.

        Of one expiry, of those up to and with `until`, or of all.
        """
        ...

    async def option_quotes(self, symbols: Sequence[str]) -> list[OptionQuote | Quarantined]:
        """The latest quote, and greeks where the feed has them, of each contract that has one."""
        ...

    def option_stream(self, symbols: Sequence[str]) -> AsyncGenerator[Connected | OptionQuote | Quarantined, None]:
        """Quotes of these contracts, for ever: `Connected` first and after each reconnect. Raises as `stream`."""
        ...
