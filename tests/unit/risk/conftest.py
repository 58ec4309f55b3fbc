"""A quiet market day: an account with nothing open, a fresh mark, an open session, no closed gate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.market_calendar import Session
from functions.risk.book import Book, Mark, OpenQuantity, ProposedOrder
from functions.risk.facts.market import Dates, MarketFacts, Quote
from functions.risk.facts.orders import OrderFacts

NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)
SESSION = Session.in_new_york(date(2026, 1, 5))


@pytest.fixture
def order() -> Callable[..., ProposedOrder]:
    """Makes a market buy of 100 SPY at noon; give what differs."""

    def made(**changes: Any) -> ProposedOrder:
        plain: dict[str, Any] = {"symbol": "SPY", "side": "buy", "quantity": Decimal(100), "event_time": NOON}
        return ProposedOrder(**{**plain, **changes})

    return made


def around(mark: Mark, width: str = "0") -> Quote:
    """A quote whose middle is the mark, so many dollars wide; a thousand at each side."""
    half = Decimal(width) / 2
    size = Decimal(1000)
    return Quote(mark.price - half, mark.price + half, size, size, mark.quoted_at, mark.multiplier)


@pytest.fixture
def book() -> Callable[..., Book]:
    """Makes a book with SPY bid and asked at 100.00, one second old; give what differs, `spy` being what is open."""

    def made(spy: OpenQuantity | None = None, **changes: Any) -> Book:
        marks = changes.get("marks", {"SPY": Mark(Decimal(100), NOON - timedelta(seconds=1))})
        plain: dict[str, Any] = {
            "exposures": {"account": {"SPY": spy} if spy else {}},
            "marks": marks,
            "sessions": (SESSION,),
            "closed_gates": (),
            "orders": OrderFacts(),
            "market": MarketFacts(quotes={symbol: around(mark) for symbol, mark in marks.items()}, dates=Dates()),
        }
        return Book(**{**plain, **changes})

    return made
