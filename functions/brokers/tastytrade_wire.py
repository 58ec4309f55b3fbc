"""tastytrade's orders as our shapes, read tolerantly row by row.

A price is on the wire without a sign, and beside it stands who pays: Debit the account, Credit the others. Inside, a
net price of several legs is positive where it pays. Fills are the truth about what was filled; the status is a hint.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from functions.brokers.errors import BadResponse
from functions.brokers.orders import BrokerFill, BrokerLeg, BrokerOrder, OrderClass, OrderState, PositionIntent, Side
from functions.brokers.reading import mapping, moment, number, optional, optional_words, positive, rows, words
from functions.brokers.tastytrade_symbols import inside
from functions.core.money import divided

ACTIONS: Final[dict[PositionIntent, str]] = {
    "buy_to_open": "Buy to Open",
    "buy_to_close": "Buy to Close",
    "sell_to_open": "Sell to Open",
    "sell_to_close": "Sell to Close",
}
ORDER_TYPES: Final = {"market": "Market", "limit": "Limit", "stop": "Stop", "stop_limit": "Stop Limit"}
NOTIONAL: Final = "Notional Market"
TIMES_IN_FORCE: Final = {"day": "Day", "gtc": "GTC", "ioc": "IOC"}

_INTENTS: dict[str, tuple[Side, PositionIntent | None]] = {
    **{action: ("buy" if intent.startswith("buy") else "sell", intent) for intent, action in ACTIONS.items()},
    # Of futures, which know no opening and closing.
    "Buy": ("buy", None),
    "Sell": ("sell", None),
}
_TYPES = {wire: name for name, wire in ORDER_TYPES.items()} | {NOTIONAL: "market"}
_TIMES = {wire: name for name, wire in TIMES_IN_FORCE.items()}
_STATES: dict[str, OrderState] = {
    "Received": "submitted",
    "Routed": "submitted",
    "In Flight": "submitted",
    "Contingent": "submitted",
    "Live": "submitted",
    "Filled": "filled",
    "Cancel Requested": "cancel_pending",
    "Replace Requested": "replace_pending",
    "Cancelled": "canceled",
    "Removed": "canceled",
    "Partially Removed": "canceled",
    "Expired": "expired",
    "Rejected": "rejected",
}
_CLASSES: dict[str, OrderClass] = {"OTOCO": "bracket", "OTO": "oto", "OCO": "oco"}


def identity(row: Mapping[str, Any], field: str) -> str:
    """An id, which is a number there and text inside. Raises BadResponse."""
    found = optional_identity(row, field)
    if found is None:
        raise BadResponse(f"{field} must be an id, was {row.get(field)!r}", row)
    return found


def optional_identity(row: Mapping[str, Any], field: str) -> str | None:
    """An id that may be absent or null. Raises BadResponse."""
    value = row.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return optional_words(row, field)


def signed(row: Mapping[str, Any], field: str) -> Decimal | None:
    """An amount with its effect: positive where the account gets it. None where there is none. Raises BadResponse.

    Without an effect the amount stands as it is: of balances some have none.
    """
    value, effect = optional(row, field), row.get(f"{field}-effect")
    if value is None or effect in (None, "", "None"):
        return value
    if effect not in ("Debit", "Credit"):
        raise BadResponse(f"{field}-effect must be Debit or Credit, was {effect!r}", row)
    return -abs(value) if effect == "Debit" else abs(value)


def instant(value: object, field: str) -> datetime:
    """A time, as text or in milliseconds since 1970. Raises BadResponse."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=value)
        except OverflowError:
            raise BadResponse(f"{field} must be a time, was {value!r}", value) from None
    return moment(value, field)


def client_order_id(answer: object) -> str | None:
    """Our name of an order that may not be readable otherwise. Raises BadResponse where it says nothing."""
    return optional_words(mapping(answer), "external-identifier")


def complex_id(answer: object) -> str | None:
    """The complex order that an order is part of. Raises BadResponse."""
    return optional_identity(mapping(answer), "complex-order-id")


def is_incomplete(order: BrokerOrder) -> bool:
    """Whether it is called filled, and its fills do not add up: the first leg's booking says Filled for all."""
    return order.raw_status == "Filled" and order.state != "filled"


def order(answer: object) -> BrokerOrder:
    """An order. Raises BadResponse, also for a status that this version does not know: it is never guessed at."""
    row = mapping(answer)
    status = words(row, "status")
    if status not in _STATES:
        raise BadResponse(f"unknown order status {status!r}", row)
    order_id, named = identity(row, "id"), client_order_id(row)
    wire_legs = [mapping(leg) for leg in rows(row.get("legs"))]
    if not wire_legs:
        raise BadResponse("an order must have legs", row)
    fills: list[BrokerFill] = []
    legs: list[BrokerLeg] = []
    for index, leg in enumerate(wire_legs):
        of_leg = _fills(leg, index, order_id, named)
        fills += of_leg
        legs.append(_leg(leg, of_leg))
    several = len(legs) > 1
    quantity, filled, average = _units(legs) if several else _alone(legs[0])
    stamp = next((row[name] for name in ("updated-at", "terminal-at", "live-at", "received-at") if row.get(name)), None)
    kind = words(row, "order-type")
    first = legs[0]
    return BrokerOrder(
        broker_order_id=order_id,
        client_order_id=named,
        symbol=first.symbol,
        side=first.side,
        order_type=_TYPES.get(kind, kind.lower().replace(" ", "_")),
        state=_state(status, row, wire_legs, legs),
        raw_status=status,
        quantity=quantity,
        filled_quantity=filled,
        limit_price=_price(row, several=several),
        stop_price=optional(row, "stop-trigger"),
        updated_at=instant(stamp, "updated-at"),
        reason=optional_words(row, "reject-reason"),
        time_in_force=_time_in_force(row),
        position_intent=first.position_intent,
        average_price=average,
        order_class="multi_leg" if several else _class_of(row),
        legs=tuple(legs) if several else (),
        fills=tuple(sorted(fills, key=lambda fill: fill.executed_at)),
        replaces=optional_identity(row, "replaces-order-id"),
        replaced_by=optional_identity(row, "replacing-order-id"),
    )


def complex_order(answer: object) -> BrokerOrder:
    """A bracket, OCO or OTO: the entry (of an OCO the target) with the others as its children. Raises BadResponse."""
    row = mapping(answer)
    kind = words(row, "type")
    if kind not in _CLASSES:
        raise BadResponse(f"unknown complex order {kind!r}", row)
    members = [order(member) for member in rows(row.get("orders"))]
    if row.get("trigger-order") is not None:
        parent = order(row["trigger-order"])
    else:
        found = next((member for member in members if member.order_type == "limit"), None)
        if found is None:
            raise BadResponse("a complex order without an entry or a target", row)
        parent = found
        members = [member for member in members if member.broker_order_id != parent.broker_order_id]
    children = tuple(
        dataclasses.replace(member, parent_order_id=parent.broker_order_id, order_class="simple") for member in members
    )
    return dataclasses.replace(parent, order_class=_CLASSES[kind], children=children)


def members(answer: object) -> list[object]:
    """The orders of a complex order, unread, the entry first. Raises BadResponse."""
    row = mapping(answer)
    trigger = row.get("trigger-order")
    return [*([trigger] if trigger is not None else []), *rows(row.get("orders"))]


def _fills(leg: Mapping[str, Any], index: int, order_id: str, named: str | None) -> list[BrokerFill]:
    symbol, (side, _) = inside(leg.get("symbol")), _intent(leg)
    read = []
    for answer in rows(leg.get("fills") or []):
        row = mapping(answer)
        read.append(
            (moment(row.get("filled-at"), "filled-at"), identity(row, "fill-id"), positive(row, "quantity"), _paid(row))
        )
    found: list[BrokerFill] = []
    total = Decimal(0)
    for executed_at, execution_id, quantity, price in sorted(read):
        total += quantity
        found.append(
            BrokerFill(
                execution_id=execution_id,
                broker_order_id=order_id,
                client_order_id=named,
                symbol=symbol,
                side=side,
                quantity=quantity,
                price=price,
                cumulative_quantity=total,
                executed_at=executed_at,
                leg=index,
            )
        )
    return found


def _paid(row: Mapping[str, Any]) -> Decimal:
    # A leg of a spread may well be given away for nothing.
    price = number(row, "fill-price")
    if price < 0:
        raise BadResponse(f"fill-price must not be below zero, was {price}", row)
    return price


def _intent(leg: Mapping[str, Any]) -> tuple[Side, PositionIntent | None]:
    action = words(leg, "action")
    if action not in _INTENTS:
        raise BadResponse(f"unknown action {action!r}", leg)
    return _INTENTS[action]


def _leg(leg: Mapping[str, Any], fills: list[BrokerFill]) -> BrokerLeg:
    side, intent = _intent(leg)
    filled = sum((fill.quantity for fill in fills), Decimal(0))
    return BrokerLeg(
        symbol=inside(leg.get("symbol")),
        side=side,
        position_intent=intent,
        # A notional order has no quantity until it is filled.
        quantity=optional(leg, "quantity") or Decimal(0),
        filled_quantity=filled,
        average_price=divided(sum((fill.price * fill.quantity for fill in fills), Decimal(0)), filled)
        if filled
        else None,
    )


def _alone(leg: BrokerLeg) -> tuple[Decimal | None, Decimal, Decimal | None]:
    return leg.quantity or None, leg.filled_quantity, leg.average_price


def _units(legs: list[BrokerLeg]) -> tuple[Decimal, Decimal, Decimal | None]:
    """How many units the order counts, how many every leg has filled, and the net price of one where that is known."""
    for leg in legs:
        if leg.quantity != leg.quantity.to_integral_value() or leg.quantity <= 0:
            raise BadResponse(f"expected whole contracts in every leg, was {leg.quantity}", leg)
    units = math.gcd(*(int(leg.quantity) for leg in legs))
    filled = min(leg.filled_quantity * units // leg.quantity for leg in legs)
    if not filled or any(leg.filled_quantity * units != filled * leg.quantity for leg in legs):
        return Decimal(units), filled, None
    paid = sum(
        ((1 if leg.side == "buy" else -1) * (leg.average_price or 0) * leg.filled_quantity for leg in legs), Decimal(0)
    )
    return Decimal(units), filled, divided(paid, filled)


def _state(
    status: str, row: Mapping[str, Any], wire_legs: list[Mapping[str, Any]], legs: list[BrokerLeg]
) -> OrderState:
    some = any(leg.filled_quantity for leg in legs)
    if status == "Cancelled" and optional_identity(row, "replacing-order-id") is not None:
        return "replaced"
    if status == "Live" and some:
        return "partially_filled"
    if status == "Filled" and not all(_is_complete(*pair) for pair in zip(wire_legs, legs, strict=True)):
        return "partially_filled" if some else "submitted"
    return _STATES[status]


def _is_complete(wire_leg: Mapping[str, Any], leg: BrokerLeg) -> bool:
    remaining = optional(wire_leg, "remaining-quantity")
    if not leg.quantity:
        return leg.filled_quantity > 0 and not remaining
    return leg.filled_quantity == leg.quantity


def _price(row: Mapping[str, Any], *, several: bool) -> Decimal | None:
    price = optional(row, "price")
    if price is None:
        return None
    if not several or not price:
        return abs(price)
    effect = row.get("price-effect")
    if effect not in ("Debit", "Credit"):
        raise BadResponse(f"price-effect must be Debit or Credit, was {effect!r}", row)
    return abs(price) if effect == "Debit" else -abs(price)


def _time_in_force(row: Mapping[str, Any]) -> str | None:
    value = optional_words(row, "time-in-force")
    return None if value is None else _TIMES.get(value, value.lower().replace(" ", "_"))


def _class_of(row: Mapping[str, Any]) -> OrderClass:
    tag = optional_words(row, "complex-order-tag") or ""
    kind, _, part = tag.partition("::")
    is_parent = part == "trigger-order" or (kind == "OCO" and row.get("order-type") == "Limit")
    return _CLASSES.get(kind, "simple") if is_parent else "simple"
