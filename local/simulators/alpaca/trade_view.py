"""What the trade stream says of an order's events."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from functions.backtest.orders import Side
from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.alpaca.order_view import order_json
from local.simulators.venue.clock import instant
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_events import DeskEvent, Kind
from local.simulators.venue.desk_order import DeskFill, DeskOrder

_EVENTS: dict[Kind, str] = {
    "accepted": "accepted",
    "working": "new",
    "activated": "new",
    "rejected": "rejected",
    "partial_fill": "partial_fill",
    "fill": "fill",
    "reduced": "restated",
    "cancel_pending": "pending_cancel",
    "cancel_rejected": "order_cancel_rejected",
    "canceled": "canceled",
    "expired": "expired",
    "replaced": "replaced",
    "replace_rejected": "order_replace_rejected",
    "bust": "trade_bust",
    "correction": "trade_correct",
}
_CHANGES = ("bust", "correction")


def trade_update(desk: OrderDesk, event: DeskEvent) -> dict[str, Any] | None:
    """The `data` of a message; None for what the stream does not tell.

    An order of several legs is told as a whole, once the last leg of an execution is there; its legs' executions are
    in the activity list alone.
    """
    word = _EVENTS.get(event.kind)
    if word is None:
        return None
    order, fill = event.order, event.fill
    found: dict[str, Any] = {"event": word, "timestamp": instant(event.at), "order": order_json(desk, order)}
    if fill is None:
        return found
    if event.kind in _CHANGES:
        # As the broker API's events name them: which execution it is about, and the one that takes its place.
        found |= {
            "execution_id": str(named_uuid("alpaca-change", event.kind, fill.id, instant(event.at))),
            "previous_execution_id": fill.id,
            "qty": text(fill.quantity),
            "price": text(fill.price),
        }
        return found | ({"reason": "TRADE_BUST"} if event.kind == "bust" else {})
    if not order.is_multi_leg:
        position = desk.ledger.position(fill.symbol).quantity
        return found | {
            "execution_id": fill.id,
            "price": text(fill.price),
            "qty": text(fill.quantity),
            "position_qty": text(position),
        }
    if fill.leg != len(order.legs) - 1:
        return None
    return found | {
        "execution_id": fill.id,
        "price": text(_net(order, fill)),
        "qty": text(fill.quantity / order.legs[fill.leg].ratio),
    }


def message(data: dict[str, Any]) -> bytes:
    """As it goes over the wire: JSON in a binary frame."""
    return json.dumps({"stream": "trade_updates", "data": data}).encode()


def _net(order: DeskOrder, fill: DeskFill) -> Decimal:
    """The net price per unit of one execution: positive paid."""
    return sum(
        (
            one.price * order.legs[one.leg].ratio * (1 if one.side is Side.BUY else -1)
            for one in order.fills
            if one.group == fill.group
            and one.cumulative * order.legs[fill.leg].ratio == fill.cumulative * order.legs[one.leg].ratio
        ),
        Decimal(0),
    )
