"""A desk's orders as the exchange takes them, and its executions cut into parts."""

from __future__ import annotations

from dataclasses import replace as copy
from decimal import ROUND_UP, Decimal

from functions.backtest.exchange_events import Fill
from functions.backtest.orders import NewOrder, OrderType
from functions.backtest.packages import NewPackage, PackageLeg
from local.simulators.venue.desk_order import DeskOrder

_ONE = Decimal(1)
_FRACTION = Decimal("0.000000001")


def most_per_fill(order: DeskOrder, count: int) -> Decimal:
    """The quantity of one execution where an order shall fill in so many; whole units where it is whole."""
    step = _ONE if order.quantity == order.quantity.to_integral_value() else _FRACTION
    return max((order.quantity / count).quantize(step, rounding=ROUND_UP), step)


def new_order(order: DeskOrder) -> NewOrder:
    """An order of one leg."""
    request = order.request
    return NewOrder(
        order_id=order.id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        type=request.type,
        time_in_force=request.time_in_force,
        limit=request.limit,
        stop=request.stop,
        trail_price=request.trail_price,
        trail_percent=request.trail_percent,
        oco=order.oco,
        after=order.parent,
        most_per_fill=order.most_per_fill,
    )


def new_package(order: DeskOrder) -> NewPackage:
    """An order of several legs."""
    request = order.request
    return NewPackage(
        order_id=order.id,
        legs=tuple(PackageLeg(leg.symbol, leg.side, leg.ratio) for leg in order.legs),
        quantity=int(order.quantity),
        time_in_force=request.time_in_force,
        limit=request.limit if request.type is OrderType.LIMIT else None,
        most_per_fill=None if order.most_per_fill is None else int(order.most_per_fill),
    )


def parts(fill: Fill, count: int, ratio: int) -> list[Fill]:
    """One execution as several of the same price; whole units of the order each where it is whole."""
    if count == 1:
        return [fill]
    whole = fill.quantity == fill.quantity.to_integral_value()
    step = Decimal(ratio) if whole else _FRACTION
    size = (fill.quantity / step / count).to_integral_value(rounding=ROUND_UP) * step
    made: list[Fill] = []
    done, before = Decimal(0), fill.cumulative - fill.quantity
    while done < fill.quantity:
        part = min(size, fill.quantity - done)
        done += part
        left = fill.cumulative + fill.leaves - before - done
        made.append(copy(fill, quantity=part, cumulative=before + done, leaves=left))
    return made
