"""What the book of a trade says of the market: the rows of the ledger's answer."""

from __future__ import annotations

from pydantic import Field

from functions.core.ledger.book_portfolio import BookEquity, BookGreeks
from functions.core.ledger.part import Row
from functions.core.money import Amount


class BookMarket(Row):
    """`buying_back` is what the platform itself buys back at the market of sold options, contracts by symbol.

    `equity`, `sectors` (by symbol) and `greeks` (by option) are there where a limit asks for them.
    """

    buying_back: dict[str, Amount] = Field(default_factory=dict)
    equity: BookEquity | None = None
    sectors: dict[str, str | None] = Field(default_factory=dict)
    greeks: dict[str, BookGreeks] = Field(default_factory=dict)
