"""An order as Alpaca shows it: money and quantity as text, several legs or children under `legs`."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.alpaca.order_body import is_option
from local.simulators.alpaca.wire import optional_instant
from local.simulators.venue.clock import instant
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_order import DeskLeg, DeskOrder, State

_STATUSES: dict[State, str] = {
    "pending": "pending_new",
    "accepted": "accepted",
    "held": "held",
    "working": "new",
    "partially_filled": "partially_filled",
    "cancel_pending": "pending_cancel",
    "filled": "filled",
    "canceled": "canceled",
    "expired": "expired",
    "rejected": "rejected",
    "replaced": "replaced",
}


def asset_id(symbol: str) -> str:
    """The same symbol has the same asset id everywhere."""
    return str(named_uuid("alpaca-asset", symbol))


def asset_class(symbol: str) -> str:
    return "us_option" if is_option(symbol) else "us_equity"


def order_json(desk: OrderDesk, order: DeskOrder, *, nested: bool = False) -> dict[str, Any]:
    """The order; `nested` shows a group's other orders under it. Legs of one order are always there."""
    row = _row(order)
    if order.is_multi_leg:
        row["legs"] = [_leg_row(order, index, leg) for index, leg in enumerate(order.legs)]
    elif nested and (children := children_of(desk, order)):
        row["legs"] = [_row(child) for child in children]
    return row


def orders_json(desk: OrderDesk, orders: Iterable[DeskOrder], *, nested: bool) -> list[dict[str, Any]]:
    """A list; nested, what is shown under its parent is not shown again."""
    found = list(orders)
    if not nested:
        return [order_json(desk, order) for order in found]
    under = {child.id for order in found for child in children_of(desk, order)}
    return [order_json(desk, order, nested=True) for order in found if order.id not in under]


def children_of(desk: OrderDesk, order: DeskOrder) -> list[DeskOrder]:
    """The orders of a group that stand under this one: its target and stop; of an OCO the stop under its target."""
    if order.group is None:
        return []
    if order.group_kind == "oco":
        group = [one for one in desk.group(order.group) if one.replaces is None]
        return group[1:] if group and group[0] is order else []
    return [desk.order(child) for child in order.children]


def leg_id(order: DeskOrder, leg: int) -> str:
    """Each leg of an order has an order id of its own, by which its executions are listed."""
    return str(named_uuid("alpaca-leg", order.id, leg)) if order.is_multi_leg else order.id


def _row(order: DeskOrder) -> dict[str, Any]:
    request, leg = order.request, order.legs[0]
    whole = order.is_multi_leg
    return {
        "id": order.id,
        "client_order_id": order.client_order_id,
        "created_at": instant(order.created_at),
        "updated_at": instant(order.updated_at),
        "submitted_at": instant(order.created_at),
        "filled_at": optional_instant(order.filled_at),
        "expired_at": optional_instant(order.expired_at),
        "expires_at": optional_instant(order.expires_at),
        "canceled_at": optional_instant(order.canceled_at),
        "failed_at": optional_instant(order.rejected_at),
        "replaced_at": optional_instant(order.replaced_at),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": "" if whole else asset_id(leg.symbol),
        "symbol": "" if whole else leg.symbol,
        "asset_class": "" if whole else asset_class(leg.symbol),
        "notional": _optional(request.notional),
        "qty": None if request.notional is not None else text(order.quantity),
        "filled_qty": text(order.filled),
        "filled_avg_price": _optional(order.average),
        "order_class": "mleg" if whole else order.group_kind or "",
        "order_type": request.type.value,
        "type": request.type.value,
        "side": "" if whole else leg.side.value,
        "time_in_force": request.time_in_force.value,
        "limit_price": _optional(request.limit),
        "stop_price": _optional(request.stop),
        "status": _STATUSES[order.state],
        "extended_hours": request.extras.get("extended_hours") is True,
        "legs": None,
        "trail_percent": _optional(request.trail_percent),
        "trail_price": _optional(request.trail_price),
        "hwm": None,
        "position_intent": None if whole else leg.intent,
        "subtag": None,
        "source": None,
    }


def _leg_row(order: DeskOrder, index: int, leg: DeskLeg) -> dict[str, Any]:
    status = _STATUSES[order.state]
    if leg.filled and order.is_open:
        status = "partially_filled" if leg.remaining else "filled"
    return _row(order) | {
        "id": leg_id(order, index),
        "client_order_id": str(named_uuid("alpaca-leg-client", order.id, index)),
        "asset_id": asset_id(leg.symbol),
        "symbol": leg.symbol,
        "asset_class": asset_class(leg.symbol),
        "qty": text(leg.quantity),
        "filled_qty": text(leg.filled),
        "filled_avg_price": _optional(leg.average),
        "type": "",
        "order_type": "",
        "side": leg.side.value,
        "limit_price": None,
        "status": status,
        "position_intent": leg.intent,
        "ratio_qty": str(leg.ratio),
        "replaces": None,
        "replaced_by": None,
    }


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else text(value)
