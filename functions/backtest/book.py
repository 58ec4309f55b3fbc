"""The working orders of one symbol, in price-time priority."""

from __future__ import annotations

from collections.abc import Iterator

from functions.backtest.orders import OrderType, WorkingOrder


def _priority(order: WorkingOrder) -> tuple[int, int, int]:
    """Market orders first, then the better limit, then the earlier rank."""
    if order.limit is None:
        return (0, 0, order.rank)
    return (1, -order.limit if order.is_buy else order.limit, order.rank)


class Book:
    """One symbol's working orders by id."""

    def __init__(self) -> None:
        self._orders: dict[str, WorkingOrder] = {}

    def add(self, order: WorkingOrder) -> None:
        self._orders[order.new.order_id] = order

    def remove(self, order_id: str) -> WorkingOrder:
        return self._orders.pop(order_id)

    def get(self, order_id: str) -> WorkingOrder:
        return self._orders[order_id]

    def __iter__(self) -> Iterator[WorkingOrder]:
        """In order of arrival."""
        return iter(sorted(self._orders.values(), key=lambda order: order.rank))

    def __len__(self) -> int:
        return len(self._orders)

    def matchable(self, *, buying: bool) -> list[WorkingOrder]:
        """The orders of a side that may trade now, best first; untriggered stops stay out."""
        return sorted(
            (order for order in self._orders.values() if order.is_buy is buying and not order.waits_for_trigger),
            key=_priority,
        )

    def waiting(self) -> list[WorkingOrder]:
        """The untriggered stops, in order of arrival."""
        return [order for order in self if order.waits_for_trigger]


def observe(order: WorkingOrder, price: int) -> bool:
    """Shows a waiting stop the price of its side; returns whether it triggers there.

    A trailing stop first moves with the market, then is tested: the price that improves it cannot also trigger it.
    """
    if order.new.type is OrderType.TRAILING_STOP and (
        order.best is None or (price < order.best if order.is_buy else price > order.best)
    ):
        order.best = price
    trigger = order.trigger_price()
    if trigger is None:
        return False
    return price >= trigger if order.is_buy else price <= trigger
