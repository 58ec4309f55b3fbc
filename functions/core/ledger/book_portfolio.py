"""What the book of a trade says of greeks, sectors and equity: the rows of the ledger's answer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import AwareDatetime

from functions.core.ledger.part import Row
from functions.core.money import Amount


class BookEquity(Row):
    """What the broker said of the account before the session of the order opened, dollars."""

    equity: Amount
    margin_requirement: Amount | None
    as_of: AwareDatetime


class BookGreeks(Row):
    """An option that is open or ordered: what the feed said of it, and what it takes to reckon it.

    `price` is the middle of the quote, or the mark where there is none, as of `priced_at`; the greeks are the quote's,
    None where the feed does not say. `spot` is the mark of the underlying.
    """

    right: str
    strike: Amount
    expires_on: date
    price: Amount | None
    priced_at: AwareDatetime | None
    delta: Amount | None
    gamma: Amount | None
    vega: Amount | None
    spot: Amount | None
    spot_at: AwareDatetime | None

    @property
    def told(self) -> tuple[Decimal, Decimal, Decimal] | None:
        """Delta, gamma and vega where the feed says them all."""
        if self.delta is None or self.gamma is None or self.vega is None:
            return None
        return self.delta, self.gamma, self.vega
