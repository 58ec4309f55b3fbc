"""The market as the simulated exchange sees it: best quotes, prints, and what is left of the displayed sizes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from functions.backtest.ticks import price_ticks, quantity_units
from functions.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask with displayed sizes in shares or contracts; `at` in UTC. A size of zero shows nothing."""

    symbol: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal
    ask_size: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Print:
    """A trade of the market. Price in the instrument's currency, size in shares or contracts, `at` in UTC."""

    symbol: str
    price: Decimal
    size: Decimal
    at: datetime


@dataclass(slots=True)
class Standing:
    """The standing quote in ticks and units, and what is left of the displayed sizes."""

    bid: int
    ask: int
    bid_left: int
    ask_left: int

    @classmethod
    def of(cls, quote: Quote) -> Standing:
        """Raises BadInput BAD_QUOTE for a price not above zero, a crossed quote or a negative size."""
        bid, ask = price_ticks(quote.bid, "bid"), price_ticks(quote.ask, "ask")
        if bid <= 0 or ask < bid:
            raise BadInput(
                "BAD_QUOTE", f"expected 0 < bid <= ask, was bid={quote.bid} ask={quote.ask}", symbol=quote.symbol
            )
        bid_left, ask_left = quantity_units(quote.bid_size, "bid_size"), quantity_units(quote.ask_size, "ask_size")
        if bid_left < 0 or ask_left < 0:
            raise BadInput(
                "BAD_QUOTE",
                f"sizes must not be negative, was {quote.bid_size} and {quote.ask_size}",
                symbol=quote.symbol,
            )
        return cls(bid, ask, bid_left, ask_left)

    def touch(self, *, buying: bool) -> int:
        """The price a taker meets, in ticks."""
        return self.ask if buying else self.bid

    def left(self, *, buying: bool) -> int:
        """What is still displayed to a taker, in units."""
        return self.ask_left if buying else self.bid_left

    def take(self, quantity: int, *, buying: bool) -> None:
        """Consumes displayed size."""
        if buying:
            self.ask_left -= quantity
        else:
            self.bid_left -= quantity
