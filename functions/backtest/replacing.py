"""Making the order that takes another one's place."""

from __future__ import annotations

from dataclasses import replace as copy
from decimal import Decimal

from functions.backtest.orders import Change, TimeInForce, WorkingOrder, admit
from functions.backtest.packages import WorkingPackage, admit_package
from functions.backtest.ticks import quantity_of
from functions.core.errors import BadInput
from functions.core.money import text

_REPLACEABLE = frozenset({TimeInForce.DAY, TimeInForce.GTC})


def replacement(old: WorkingOrder, new_order_id: str, change: Change, rank: int) -> WorkingOrder:
    """The new order: for what is unfilled of the new total, at the new prices.

    Raises BadInput BAD_REPLACE, BAD_ORDER, OFF_TICK or OFF_LOT.
    """
    if change.time_in_force is not None and change.time_in_force not in _REPLACEABLE:
        raise BadInput("BAD_REPLACE", f"a replace can ask for day or gtc, was {change.time_in_force}")
    filled = quantity_of(old.filled)
    total = change.quantity if change.quantity is not None else quantity_of(old.quantity)
    if total <= filled:
        raise BadInput("BAD_REPLACE", f"quantity must exceed the {text(filled)} already filled, was {text(total)}")
    trails = change.trail_price is not None or change.trail_percent is not None
    new = copy(
        old.new,
        order_id=new_order_id,
        quantity=total - filled,
        limit=_or(change.limit, old.new.limit),
        stop=_or(change.stop, old.new.stop),
        trail_price=change.trail_price if trails else old.new.trail_price,
        trail_percent=change.trail_percent if trails else old.new.trail_percent,
        time_in_force=change.time_in_force or old.new.time_in_force,
    )
    order = admit(new, rank)
    order.best, order.triggered = old.best, old.triggered
    repriced = (order.limit, order.stop, order.trail, new.trail_percent) != (
        old.limit,
        old.stop,
        old.trail,
        old.new.trail_percent,
    )
    if not repriced:
        order.resting = old.resting
        if order.quantity <= old.remaining:
            order.rank = old.rank
    return order


def package_replacement(old: WorkingPackage, new_order_id: str, change: Change, rank: int) -> WorkingPackage:
    """The new package: for what is unfilled of the new total, at the new net price. Raises BadInput as above."""
    if change.time_in_force is not None and change.time_in_force not in _REPLACEABLE:
        raise BadInput("BAD_REPLACE", f"a replace can ask for day or gtc, was {change.time_in_force}")
    total = change.quantity if change.quantity is not None else Decimal(old.new.quantity)
    if total <= old.filled or total != total.to_integral_value():
        raise BadInput(
            "BAD_REPLACE", f"quantity must be whole and exceed the {old.filled} already filled, was {text(total)}"
        )
    new = copy(
        old.new,
        order_id=new_order_id,
        quantity=int(total) - old.filled,
        limit=_or(change.limit, old.new.limit),
        time_in_force=change.time_in_force or old.new.time_in_force,
    )
    return admit_package(new, rank)


def _or(changed: Decimal | None, kept: Decimal | None) -> Decimal | None:
    return kept if changed is None else changed
