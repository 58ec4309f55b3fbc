"""Short words for the matching tests: an open exchange, orders, quotes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from functions.backtest.exchange_events import Event, Fill
from functions.backtest.market import Print, Quote
from functions.backtest.matching import MatchingEngine
from functions.backtest.orders import NewOrder, OrderType, Side, TimeInForce
from functions.core.money import text

T0 = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)


def at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


def opened() -> MatchingEngine:
    engine = MatchingEngine()
    engine.open_session(T0)
    return engine


def quote(bid: str, ask: str, bid_size: int = 1000, ask_size: int = 1000, second: int = 1) -> Quote:
    return Quote("SPY", Decimal(bid), Decimal(ask), Decimal(bid_size), Decimal(ask_size), at(second))


def trade(price: str, size: int = 1000, second: int = 1) -> Print:
    return Print("SPY", Decimal(price), Decimal(size), at(second))


def order(order_id: str, side: str, quantity: str, kind: str = "market", tif: str = "day", **prices: str) -> NewOrder:
    more: dict[str, Any] = {name: Decimal(price) for name, price in prices.items()}
    return NewOrder(order_id, "SPY", Side(side), Decimal(quantity), OrderType(kind), TimeInForce(tif), **more)


def fills(events: Sequence[Event], order_id: str | None = None) -> list[tuple[str, str]]:
    """(price, quantity) of the fills."""
    return [
        (text(event.price), text(event.quantity))
        for event in events
        if isinstance(event, Fill) and order_id in (None, event.order_id)
    ]


def kinds(events: Sequence[Event]) -> list[str]:
    return [getattr(event, "kind", type(event).__name__.lower()) for event in events]
