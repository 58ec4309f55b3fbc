"""What a broker takes: asked for more, an adapter raises Unsupported before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from functions.brokers.errors import Unsupported
from functions.brokers.orders import OrderClass, OrderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one broker can do; `docs/brokers.md` has its table made of this."""

    broker: str
    order_types: frozenset[str]
    times_in_force: frozenset[str]
    order_classes: frozenset[OrderClass]
    asset_kinds: frozenset[str]
    most_legs: int
    notional: bool
    fractional: bool
    replaces_quantity: bool
    preview: bool
    extended_hours: bool
    exercise: bool
    do_not_exercise: bool
    fills_named_by: Literal["cumulative_quantity", "execution_id"]
    """What is the same on every path by which the broker tells an execution."""
    deduplicates: bool
    """Whether the broker takes a client order id once: sending it again is then safe."""

    def require(self, order: OrderRequest) -> None:
        """Raises Unsupported for what this broker does not take."""
        if order.order_type not in self.order_types:
            raise Unsupported("UNSUPPORTED_ORDER_TYPE", f"{self.broker} has no {order.order_type} order")
        if order.time_in_force not in self.times_in_force:
            raise Unsupported("UNSUPPORTED_TIME_IN_FORCE", f"{self.broker} has no time in force {order.time_in_force}")
        if order.order_class not in self.order_classes:
            raise Unsupported("UNSUPPORTED_ORDER_CLASS", f"{self.broker} has no {order.order_class} order")
        if order.extended_hours and not self.extended_hours:
            raise Unsupported(
                "UNSUPPORTED_EXTENDED_HOURS",
                f"{self.broker} is asked for no orders outside the regular session; place it without extended_hours",
            )
        if len(order.legs) > self.most_legs:
            raise Unsupported(
                "UNSUPPORTED_LEGS", f"{self.broker} takes at most {self.most_legs} legs, was {len(order.legs)}"
            )
        if order.notional is not None and not self.notional:
            raise Unsupported("UNSUPPORTED_NOTIONAL", f"{self.broker} takes a quantity, not an amount of dollars")
        if order.quantity is not None and not self.fractional and order.quantity != order.quantity.to_integral_value():
            raise Unsupported("UNSUPPORTED_FRACTION", f"{self.broker} takes whole units, was {order.quantity}")
