"""An account's book in one shape for every broker: what `verify` and the fault scripts compare the ledger with.

Decimals as text, times UTC with Z, symbols canonical (options as unpadded OCC). All activities are in it, those that
the broker does not show yet included.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.core.money import rounded, text
from local.simulators.venue.activity import Activity
from local.simulators.venue.clock import instant
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_order import DeskFill, DeskLeg, DeskOrder

_CENTS = 2


def book(desk: OrderDesk, now: datetime) -> dict[str, Any]:
    """cash, positions by symbol, orders with legs and fills, fills, activities."""
    ledger, quotes = desk.ledger, desk.quotes
    power = desk.buying_power()
    requirement = sum((one.amount for one in ledger.option_requirement().values()), Decimal(0))
    return {
        "cash": text(ledger.cash),
        "settled_cash": text(ledger.settled_cash(now)),
        "starting_cash": text(ledger.settings.cash),
        "accrued_fees": text(ledger.accrued_fees),
        "equity": text(ledger.equity()),
        "buying_power": text(rounded(power, _CENTS)),
        "options_buying_power": text(rounded(power / ledger.settings.multiplier, _CENTS)),
        "option_requirement": text(requirement),
        "positions": [
            {
                "symbol": position.symbol,
                "qty": text(position.quantity),
                "avg_entry_price": text(position.average),
                "multiplier": text(quotes.multiplier(position.symbol)),
                "cost_basis": text(position.cost * quotes.multiplier(position.symbol)),
                "market_value": text(ledger.value(position)),
            }
            for position in ledger.positions()
        ],
        "orders": [order_row(order) for order in desk.orders()],
        "fills": [
            fill_row(activity.fill, desk.order(activity.fill.order_id))
            for activity in ledger.activities
            if activity.fill is not None
        ],
        "activities": [activity_row(activity) for activity in ledger.activities if activity.fill is None],
    }


def order_row(order: DeskOrder) -> dict[str, Any]:
    """`status` is the desk's state; `net` prices of several legs are positive where they pay."""
    request = order.request
    return {
        "id": order.id,
        "number": order.number,
        "client_order_id": order.client_order_id,
        "status": order.state,
        "cancel_requested": order.cancel_requested,
        "reason": order.reason,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": request.type.value,
        "time_in_force": request.time_in_force.value,
        "qty": text(order.quantity),
        "notional": _optional(request.notional),
        "filled_qty": text(order.filled),
        "filled_avg_price": _optional(order.average),
        "limit_price": _optional(request.limit),
        "stop_price": _optional(request.stop),
        "trail_price": _optional(request.trail_price),
        "trail_percent": _optional(request.trail_percent),
        "created_at": instant(order.created_at),
        "updated_at": instant(order.updated_at),
        "replaces": order.replaces,
        "replaced_by": order.replaced_by,
        "group": order.group,
        "group_kind": order.group_kind,
        "parent": order.parent,
        "children": list(order.children),
        "legs": [_leg_row(leg) for leg in order.legs],
    }


def fill_row(fill: DeskFill, order: DeskOrder) -> dict[str, Any]:
    """`cum_qty` and `leaves_qty` are those of the leg."""
    return {
        "id": fill.id,
        "number": fill.number,
        "order_id": fill.order_id,
        "client_order_id": order.client_order_id,
        "leg": fill.leg,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "qty": text(fill.quantity),
        "price": text(fill.price),
        "cum_qty": text(fill.cumulative),
        "leaves_qty": text(fill.leaves),
        "fee": text(fill.fee),
        "at": instant(fill.at),
    }


def activity_row(activity: Activity) -> dict[str, Any]:
    """What happened besides fills; `amount` is cash, positive came in."""
    return {
        "id": activity.id,
        "number": activity.number,
        "kind": activity.kind,
        "at": instant(activity.at),
        "visible_at": instant(activity.visible_at),
        "symbol": activity.symbol,
        "underlying": activity.underlying,
        "qty": _optional(activity.quantity),
        "price": _optional(activity.price),
        "amount": text(activity.amount),
        "numerator": _optional(activity.numerator),
        "denominator": _optional(activity.denominator),
        "group": activity.group,
    }


def _leg_row(leg: DeskLeg) -> dict[str, Any]:
    return {
        "symbol": leg.symbol,
        "side": leg.side.value,
        "effect": leg.effect,
        "ratio": leg.ratio,
        "qty": text(leg.quantity),
        "filled_qty": text(leg.filled),
        "filled_avg_price": _optional(leg.average),
        "fills": [fill.id for fill in leg.fills],
    }


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
