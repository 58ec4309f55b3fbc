"""Alpaca's orders and executions as our shapes, read tolerantly: numbers as text or JSON numbers, times to nanoseconds.

The net price of several legs needs no turning: positive pays, negative receives, at Alpaca as inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal

from functions.brokers.errors import BadResponse
from functions.brokers.orders import (
    BrokerFill,
    BrokerFillChange,
    BrokerLeg,
    BrokerOrder,
    OrderClass,
    OrderState,
    Side,
    TradeUpdate,
)
from functions.brokers.reading import mapping, moment, number, optional, optional_words, positive, rows, words

_STATES: dict[str, OrderState] = {
    "pending_new": "submitted",
    "accepted": "submitted",
    "accepted_for_bidding": "submitted",
    "pending_review": "submitted",
    "held": "submitted",
    "new": "submitted",
    "partially_filled": "partially_filled",
    "filled": "filled",
    "done_for_day": "submitted",
    "stopped": "submitted",
    "suspended": "submitted",
    "calculated": "submitted",
    "pending_cancel": "cancel_pending",
    "pending_replace": "replace_pending",
    "canceled": "canceled",
    "expired": "expired",
    "rejected": "rejected",
    "replaced": "replaced",
}
_CLASSES: dict[str, OrderClass] = {
    "": "simple",
    "simple": "simple",
    "mleg": "multi_leg",
    "bracket": "bracket",
    "oco": "oco",
    "oto": "oto",
}
# The order works on: whatever status the message carries, the change that was asked for is not under way any more.
_CHANGE_REFUSED = {"order_replace_rejected": "replace_pending", "order_cancel_rejected": "cancel_pending"}
_EXECUTIONS = ("fill", "partial_fill")
_CHANGES: dict[str, Literal["bust", "correction"]] = {"trade_bust": "bust", "trade_correct": "correction"}


def side(row: Mapping[str, Any]) -> Side:
    """Buy or sell; activities say sell_short for a sale that opens a short position."""
    value = words(row, "side")
    if value == "buy":
        return "buy"
    if value in ("sell", "sell_short"):
        return "sell"
    raise BadResponse(f"side must be buy or sell, was {value!r}", row)


def order(answer: object) -> BrokerOrder:
    """An order with its legs or children. Raises BadResponse, also for a status that this version does not know: it is
    never guessed at."""
    row = mapping(answer)
    status = words(row, "status")
    if status not in _STATES:
        raise BadResponse(f"unknown order status {status!r}", row)
    parts = [] if row.get("legs") is None else rows(row["legs"])
    order_class = _order_class(row, parts)
    legs = tuple(_leg(part) for part in parts) if order_class == "multi_leg" else ()
    stamp = row.get("updated_at") or row.get("submitted_at") or row.get("created_at")
    found = BrokerOrder(
        broker_order_id=words(row, "id"),
        client_order_id=optional_words(row, "client_order_id"),
        # Of several legs Alpaca names neither symbol nor side: the first leg's stand for the order.
        symbol=legs[0].symbol if legs else words(row, "symbol"),
        side=legs[0].side if legs else side(row),
        order_type=words(row, "type" if row.get("type") else "order_type"),
        state=_STATES[status],
        raw_status=status,
        quantity=optional(row, "qty"),
        filled_quantity=_units(parts, row) if legs else number(row, "filled_qty"),
        limit_price=optional(row, "limit_price"),
        stop_price=optional(row, "stop_price"),
        updated_at=moment(stamp, "updated_at"),
        reason=optional_words(row, "reject_reason"),
        time_in_force=optional_words(row, "time_in_force"),
        position_intent=legs[0].position_intent if legs else optional_words(row, "position_intent"),
        average_price=optional(row, "filled_avg_price"),
        order_class=order_class,
        legs=legs,
        replaces=optional_words(row, "replaces"),
        replaced_by=optional_words(row, "replaced_by"),
    )
    if order_class == "multi_leg" or not parts:
        return found
    children = tuple(replace(order(part), parent_order_id=found.broker_order_id) for part in parts)
    return replace(found, children=children)


def leg_orders(answer: object) -> dict[str, tuple[str, int]]:
    """Of an order of several legs, the order id of each leg: the id of the whole, and which leg it is.

    Alpaca lists executions by the leg's own order id.
    """
    row = mapping(answer)
    if row.get("order_class") != "mleg" or not isinstance(row.get("legs"), list):
        return {}
    parts = [mapping(part) for part in row["legs"]]
    return {words(part, "id"): (words(row, "id"), index) for index, part in enumerate(parts) if part.get("id")}


def _order_class(row: Mapping[str, Any], parts: list[Any]) -> OrderClass:
    value = row.get("order_class") or ""
    known = _CLASSES.get(value) if isinstance(value, str) else None
    if known is not None:
        return known
    if parts:
        raise BadResponse(f"unknown order class {value!r}", row)
    return "simple"


def _leg(answer: object) -> BrokerLeg:
    row = mapping(answer)
    return BrokerLeg(
        symbol=words(row, "symbol"),
        side=side(row),
        position_intent=optional_words(row, "position_intent"),
        quantity=number(row, "qty"),
        filled_quantity=optional(row, "filled_qty") or Decimal(0),
        average_price=optional(row, "filled_avg_price"),
    )


def _units(parts: list[Any], row: Mapping[str, Any]) -> Decimal:
    """As many units as every leg has filled; the order's own count where a leg does not say its ratio."""
    filled: list[Decimal] = []
    for part in parts:
        ratio = optional(mapping(part), "ratio_qty")
        if ratio is None or ratio < 1 or part.get("filled_qty") in (None, ""):
            return number(row, "filled_qty")
        filled.append((number(part, "filled_qty") / ratio).quantize(Decimal(1), rounding=ROUND_DOWN))
    return min(filled)


def activity_fill(answer: object) -> BrokerFill:
    """An execution from the activity list; it names no client order id. Raises BadResponse."""
    row = mapping(answer)
    kind = row.get("type")
    if kind not in (*_EXECUTIONS, None):
        # A bust or a correction, or a word of tomorrow: no execution to count.
        raise BadResponse(f"expected a fill or partial_fill, was {kind!r}", row)
    return BrokerFill(
        execution_id=words(row, "id"),
        broker_order_id=words(row, "order_id"),
        client_order_id=None,
        symbol=words(row, "symbol"),
        side=side(row),
        quantity=positive(row, "qty"),
        price=positive(row, "price"),
        cumulative_quantity=_cumulative(row, number(row, "cum_qty")),
        executed_at=moment(row.get("transaction_time"), "transaction_time"),
    )


def trade_update(answer: object) -> TradeUpdate:
    """A message of the trade stream; of an order of several legs without executions: those are listed leg by leg.

    Raises BadResponse.
    """
    row = mapping(answer)
    event = words(row, "event")
    found = order(row.get("order"))
    if found.state == _CHANGE_REFUSED.get(event):
        found = replace(found, state="partially_filled" if found.filled_quantity else "submitted")
    at = moment(row["timestamp"], "timestamp") if row.get("timestamp") else found.updated_at
    fills: tuple[BrokerFill, ...] = ()
    if event in _EXECUTIONS and not found.legs:
        fill = BrokerFill(
            execution_id=words(row, "execution_id"),
            broker_order_id=found.broker_order_id,
            client_order_id=found.client_order_id,
            symbol=found.symbol,
            side=found.side,
            quantity=positive(row, "qty"),
            price=positive(row, "price"),
            cumulative_quantity=_cumulative(row, found.filled_quantity),
            executed_at=at,
        )
        fills = (fill,)
    changes = (_change(_CHANGES[event], row, found.broker_order_id, at),) if event in _CHANGES else ()
    return TradeUpdate(event=event, at=at, order=found, fills=fills, changes=changes)


def _change(
    kind: Literal["bust", "correction"], row: Mapping[str, Any], order_id: str, at: datetime
) -> BrokerFillChange:
    """An execution taken back or corrected. One that does not say which is never guessed at. Raises BadResponse."""
    corrected = kind == "correction"
    return BrokerFillChange(
        kind=kind,
        broker_order_id=order_id,
        corrects=words(row, "previous_execution_id"),
        execution_id=optional_words(row, "execution_id"),
        executed_at=at,
        quantity=positive(row, "qty") if corrected else None,
        price=positive(row, "price") if corrected else None,
    )


def _cumulative(row: Mapping[str, Any], quantity: Decimal) -> Decimal:
    # It names the fill: a wrong one would count an execution twice or not at all.
    if quantity < number(row, "qty"):
        raise BadResponse(f"expected the order's filled quantity to hold this execution, was {quantity}", row)
    return quantity
