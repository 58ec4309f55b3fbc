"""What the book of a trade says of orders: `private.book_orders`."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from functions.core.ledger.part import Row
from functions.core.money import Amount


class BookResting(Row):
    """A working order of the user that stands on the other side of the trade, in a symbol of it."""

    trade_id: str
    symbol: str
    side: str
    order_type: str
    price: Amount | None
    stop_price: Amount | None


class BookSymbolsOpen(Row):
    """In how many symbols something is open in a scope, held or working, and how many the trade adds to them."""

    open: int
    added: int


class BookPlaced(Row):
    """How many orders a scope placed in the seconds before; counted no further than its limit reaches."""

    scope: str
    within_seconds: Amount
    placed: int


class BookEntries(Row):
    """How many entries a scope made in a symbol on the exchange's day of the trade."""

    scope: str
    symbol: str
    entries: int


class BookStrikes(Row):
    """The lowest and highest strike that an open package has of a series: root, expiry and right, `SPY261218C`."""

    package: str
    own: bool
    series: str
    low: Amount
    high: Amount


class BookOrders(Row):
    """What was ordered, the trade itself left out, as of its event time; what no limit needs is left out.

    `equal_at` is when the newest equal order was placed. `resting` is None where they are too many to be told, and so
    are `packages`, which are None as well where no limit asks for them.
    """

    equal_at: AwareDatetime | None = None
    resting: list[BookResting] | None = None
    symbols_open: dict[str, BookSymbolsOpen] = Field(default_factory=dict)
    placed: list[BookPlaced] = Field(default_factory=list)
    entries: list[BookEntries] = Field(default_factory=list)
    packages: list[BookStrikes] | None = None
    day_trades: int | None = None
    equity: Amount | None = None
