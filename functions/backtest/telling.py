"""Making the exchange's events: numbered without gaps, in the order they happen."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from functions.backtest.exchange_events import EventKind, Fill, OrderEvent, Reduced, Replaced
from functions.backtest.orders import WorkingOrder
from functions.backtest.packages import WorkingPackage
from functions.backtest.ticks import price_of, quantity_of


class Teller:
    """Counts what it tells."""

    def __init__(self) -> None:
        self._sequence = 0

    def event(self, kind: EventKind, order_id: str, at: datetime, reason: str | None = None) -> OrderEvent:
        return OrderEvent(self._next(), kind, order_id, at, reason)

    def replaced(self, order_id: str, new_order_id: str, quantity: Decimal, at: datetime) -> Replaced:
        return Replaced(self._next(), order_id, new_order_id, quantity, at)

    def reduced(self, order: WorkingOrder, at: datetime) -> Reduced:
        return Reduced(self._next(), order.new.order_id, quantity_of(order.quantity), at)

    def fill(self, order: WorkingOrder, price: int, quantity: int, at: datetime) -> Fill:
        """A trade of `quantity` units at `price` ticks; `order` is the order after it."""
        return Fill(
            sequence=self._next(),
            order_id=order.new.order_id,
            symbol=order.new.symbol,
            price=price_of(price),
            quantity=quantity_of(quantity),
            cumulative=quantity_of(order.filled),
            leaves=quantity_of(order.remaining),
            at=at,
        )

    def leg_fill(self, package: WorkingPackage, leg: int, price: int, units: int, at: datetime) -> Fill:
        """One leg's part of `units` of a package at `price` ticks; `package` is the package after it."""
        part = package.new.legs[leg]
        return Fill(
            sequence=self._next(),
            order_id=package.new.order_id,
            symbol=part.symbol,
            price=price_of(price),
            quantity=Decimal(units * part.ratio),
            cumulative=Decimal(package.filled * part.ratio),
            leaves=Decimal(package.remaining * part.ratio),
            at=at,
            leg=leg,
        )

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
