"""What the ledger's book says of the market: how much is traded, dates, the newest bars, what is bought back."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, Field

from functions.core.ledger.book_portfolio import BookEquity, BookGreeks
from functions.core.ledger.part import Row
from functions.core.money import Amount


class BookOpenInterest(Row):
    """Open contracts of an option, and the exchange date of which they were counted."""

    contracts: Amount
    on: date


class BookTurnover(Row):
    """How much is traded; asked for by limits that look at it, else empty.

    `daily_volume` is the mean of the daily bars of the 30 days before, shares; `open_interest` is by option.
    """

    daily_volume: dict[str, Amount]
    open_interest: dict[str, BookOpenInterest]


class BookBlackout(Row):
    """Days without entries that the order's day is one of; `symbol` is None for everything."""

    kind: str
    symbol: str | None
    until_date: date
    reason: str


class BookDates(Row):
    """What the order's exchange day, `today`, means for its symbols: see `functions.risk.facts.market.Dates`.

    The next dates are by symbol: None where it is on record that there is none ahead.
    """

    today: date
    blackouts: list[BookBlackout]
    earnings: dict[str, date | None]
    ex_dividends: dict[str, date | None]


class BookMarket(Row):
    """As of the order's event time; None is what was not read.

    `bars` is when the newest completed bar of each ordered symbol ended; `buying_back` what the platform itself buys
    back at the market of sold options, contracts by symbol. `equity`, `sectors` (by symbol) and `greeks` (by option)
    are there where a limit asks for them.
    """

    buying_back: dict[str, Amount] = Field(default_factory=dict)
    turnover: BookTurnover | None = None
    dates: BookDates | None = None
    bars: dict[str, AwareDatetime] | None = None
    equity: BookEquity | None = None
    sectors: dict[str, str | None] = Field(default_factory=dict)
    greeks: dict[str, BookGreeks] = Field(default_factory=dict)
