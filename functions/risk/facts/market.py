"""What is known of the market beside a mark: quotes with their sizes, volumes, greeks, sectors, dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from functions.risk.book import Mark
from functions.risk.facts.portfolio import PortfolioFacts


@dataclass(slots=True)
class Quote:
    """The best bid and ask of a symbol, its sizes in shares or contracts, and when it was quoted (UTC).

    A bid of zero: nobody bids. `middle`, `spread` and `mark` follow from it, made once because several rules ask.
    """

    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    quoted_at: datetime
    multiplier: Decimal = Decimal(1)
    middle: Decimal = field(init=False)
    spread: Decimal = field(init=False)
    mark: Mark = field(init=False)

    def __post_init__(self) -> None:
        self.middle = (self.bid + self.ask) / 2
        self.spread = self.ask - self.bid
        self.mark = Mark(self.middle, self.quoted_at, self.multiplier)


@dataclass(slots=True, kw_only=True)
class Turnover:
    """How much is traded, by symbol: shares on an average day, open contracts and how many days old that number is.

    A symbol that is not there is one of which it is not known.
    """

    daily_volume: Mapping[str, Decimal] = field(default_factory=dict)
    open_interest: Mapping[str, tuple[Decimal, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Blackout:
    """Days without entries that the order's day is one of; `symbol` is None where they are for everything."""

    kind: str
    symbol: str | None
    until: date
    reason: str


@dataclass(slots=True, kw_only=True)
class Dates:
    """What the order's exchange day means for its symbols.

    `blackouts` are those in force for one of them. The days until the next earnings and the next ex-dividend date are
    by symbol, of an option its underlying's: None where it is on record that there is none ahead; a symbol that is not
    there is one of which nothing is known. `trades_until` says when an ordered option trades for the last time, as far
    as the calendar reaches.
    """

    blackouts: tuple[Blackout, ...] = ()
    days_to_earnings: Mapping[str, int | None] = field(default_factory=dict)
    days_to_ex_dividend: Mapping[str, int | None] = field(default_factory=dict)
    trades_until: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """Of the symbols that are ordered or open, as of the order's event time.

    `buying_back` is what the platform itself buys back at the market of sold options, because it flattens or exits.
    `quotes` are of what is ordered. `bars_until` is the end of the newest completed bar of what is ordered, of an
    option of its underlying. None where it was not read; `portfolio` where no limit asks for it.
    """

    portfolio: PortfolioFacts | None = None
    buying_back: Mapping[str, Decimal] = field(default_factory=dict)
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    turnover: Turnover | None = None
    dates: Dates | None = None
    bars_until: Mapping[str, datetime] | None = None
