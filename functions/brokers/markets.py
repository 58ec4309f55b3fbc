"""What a broker knows of markets: its clock, instruments, option chains.

Decimal dollars, times UTC; expiries are exchange dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from functions.core.instruments import Instrument, OptionRight, TickTable

OptionStyle = Literal["american", "european"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketClock:
    """The broker's own time, UTC, and whether the regular session is open."""

    now: datetime
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument as the broker lists it: `lot` is the smallest quantity (0.000000001 where it trades fractions).

    `shortable` and `marginable` are None where the broker does not say.
    """

    instrument: Instrument
    name: str
    tradable: bool
    lot: Decimal
    shortable: bool | None = None
    marginable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionContract:
    """One contract of a chain, by its canonical OCC symbol. `multiplier` is shares per contract.

    `open_interest` counts open contracts, `close_price` is dollars per share; what the broker does not say is None.
    """

    symbol: str
    underlying: str
    expiry: date
    right: OptionRight
    strike: Decimal
    multiplier: Decimal
    tradable: bool = True
    ticks: TickTable | None = None
    style: OptionStyle | None = None
    open_interest: int | None = None
    open_interest_on: date | None = None
    close_price: Decimal | None = None
    close_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionQuote:
    """The latest of an option contract; what the broker did not say is None: missing stays missing.

    Volatility as a fraction (0.25 is 25 %), greeks per share of the underlying, theta per day, vega and rho per
    percentage point; `open_interest` counts open contracts.
    """

    symbol: str
    quoted_at: datetime
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    last: Decimal | None = None
    implied_volatility: Decimal | None = None
    delta: Decimal | None = None
    gamma: Decimal | None = None
    theta: Decimal | None = None
    vega: Decimal | None = None
    rho: Decimal | None = None
    open_interest: int | None = None
    feed: str = ""
    delay_seconds: int = 0
    """As the feed declares it; above zero it is no market to price an order by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePrint:
    """One trade as the tape tells it. `number` names it within its symbol and grows in the order of trading.

    `conditions` are the tape's own letters; `sets_prices` is whether by its rules the trade moves last, high and low.
    A trade told again under its number is corrected or canceled.
    """

    symbol: str
    traded_at: datetime
    number: int
    price: Decimal
    size: Decimal
    conditions: str
    sets_prices: bool
    told: Literal["new", "corrected", "canceled"]
    feed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorporateAction:
    """A split or cash dividend as its source lists it.

    `ratio` of a split is new shares for each old one; `amount` of a dividend is dollars for each share of the ex-date,
    an exchange date.
    """

    symbol: str
    kind: Literal["split", "cash_dividend"]
    ex_date: date
    ratio: Decimal | None = None
    amount: Decimal | None = None
    special: bool = False
    record_date: date | None = None
    payable_date: date | None = None
    source_id: str | None = None
