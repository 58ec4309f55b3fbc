"""Alpaca's JSON as our shapes, read tolerantly row by row: numbers as text or JSON numbers, times to nanoseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from functions.brokers.errors import BadResponse
from functions.brokers.protocol import (
    AccountSnapshot,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    OrderState,
    Side,
    TradeUpdate,
)
from functions.core.errors import BadInput
from functions.core.events import BarData, QuoteData
from functions.core.money import decimal

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
_FRACTION = re.compile(r"\.(\d{6})\d+")


def moment(value: object, field: str) -> datetime:
    """An ISO 8601 time with up to nanoseconds, as UTC to the microsecond. Raises BadResponse."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r".\1", str(value)))
    except ValueError:
        raise BadResponse(f"{field} must be a time, was {value!r}", value) from None
    if found.tzinfo is None:
        raise BadResponse(f"{field} must carry a time zone, was {value!r}", value)
    return found.astimezone(UTC)


def number(row: Mapping[str, Any], field: str) -> Decimal:
    """A required number. Raises BadResponse."""
    try:
        return decimal(row.get(field), field)
    except BadInput as error:
        raise BadResponse(error.text, row) from None


def optional(row: Mapping[str, Any], field: str) -> Decimal | None:
    """A number that may be absent, null or empty."""
    return None if row.get(field) in (None, "") else number(row, field)


def words(row: Mapping[str, Any], field: str) -> str:
    """A required text. Raises BadResponse."""
    value = row.get(field)
    if not isinstance(value, str) or not value:
        raise BadResponse(f"{field} must be a text, was {value!r}", row)
    return value


def side(row: Mapping[str, Any]) -> Side:
    """Buy or sell; activities say sell_short for a sale that opens a short position."""
    value = words(row, "side")
    if value == "buy":
        return "buy"
    if value in ("sell", "sell_short"):
        return "sell"
    raise BadResponse(f"side must be buy or sell, was {value!r}", row)


def order(row: Mapping[str, Any]) -> BrokerOrder:
    """An order. Raises BadResponse, also for a status that this version does not know: it is never guessed at."""
    status = words(row, "status")
    if status not in _STATES:
        raise BadResponse(f"unknown order status {status!r}", row)
    stamp = row.get("updated_at") or row.get("submitted_at") or row.get("created_at")
    return BrokerOrder(
        broker_order_id=words(row, "id"),
        client_order_id=row.get("client_order_id") or None,
        symbol=words(row, "symbol"),
        side=side(row),
        order_type=str(row.get("type") or row.get("order_type") or "market"),
        state=_STATES[status],
        raw_status=status,
        quantity=optional(row, "qty"),
        filled_quantity=optional(row, "filled_qty") or Decimal(0),
        limit_price=optional(row, "limit_price"),
        stop_price=optional(row, "stop_price"),
        updated_at=moment(stamp, "updated_at"),
        reason=row.get("reject_reason") or None,
    )


def activity_fill(row: Mapping[str, Any]) -> BrokerFill:
    """An execution from the activity list; it names no client order id. Raises BadResponse."""
    return BrokerFill(
        execution_id=words(row, "id"),
        broker_order_id=words(row, "order_id"),
        client_order_id=None,
        symbol=words(row, "symbol"),
        side=side(row),
        quantity=number(row, "qty"),
        price=number(row, "price"),
        cumulative_quantity=number(row, "cum_qty"),
        executed_at=moment(row.get("transaction_time"), "transaction_time"),
    )


def trade_update(data: Mapping[str, Any]) -> TradeUpdate:
    """A message of the trade stream. Raises BadResponse."""
    event = words(data, "event")
    found = order(data.get("order") or {})
    at = moment(data.get("timestamp") or data["order"].get("updated_at"), "timestamp")
    fill = None
    if event in ("fill", "partial_fill"):
        fill = BrokerFill(
            execution_id=words(data, "execution_id"),
            broker_order_id=found.broker_order_id,
            client_order_id=found.client_order_id,
            symbol=found.symbol,
            side=found.side,
            quantity=number(data, "qty"),
            price=number(data, "price"),
            cumulative_quantity=found.filled_quantity,
            executed_at=at,
        )
    return TradeUpdate(event=event, at=at, order=found, fill=fill)


def position(row: Mapping[str, Any]) -> BrokerPosition:
    """A position; a short one comes with a negative quantity, or a positive one and side=short. Raises BadResponse."""
    quantity = abs(number(row, "qty"))
    short = row.get("side") == "short" or number(row, "qty") < 0
    return BrokerPosition(
        symbol=words(row, "symbol"),
        quantity=-quantity if short else quantity,
        average_entry_price=number(row, "avg_entry_price"),
    )


def account(row: Mapping[str, Any]) -> AccountSnapshot:
    """Cash and equity are required; buying power may be absent. Raises BadResponse."""
    return AccountSnapshot(
        cash=number(row, "cash"), equity=number(row, "equity"), buying_power=optional(row, "buying_power")
    )


def stamp(value: object) -> datetime:
    """A data time: ISO text from REST, a msgpack timestamp from the stream. Raises BadResponse."""
    if hasattr(value, "to_unix_nano"):
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value.to_unix_nano() // 1000)
    return moment(value, "t")


def bar(symbol: str, row: Mapping[str, Any], feed: str) -> BarData:
    """A completed one-minute bar. Raises BadResponse naming what is wrong with it."""
    starts_at = stamp(row.get("t"))
    try:
        return BarData(
            symbol=symbol,
            timeframe="1Min",
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=1),
            open=number(row, "o"),
            high=number(row, "h"),
            low=number(row, "l"),
            close=number(row, "c"),
            volume=number(row, "v"),
            feed=feed,
        )
    except ValidationError as error:
        raise BadResponse(f"bar of {symbol} at {starts_at}: {error.errors()[0]['msg']}", row) from None


def quote(symbol: str, row: Mapping[str, Any], feed: str) -> QuoteData:
    """The best bid and ask. Raises BadResponse naming what is wrong with them."""
    quoted_at = stamp(row.get("t"))
    try:
        return QuoteData(
            symbol=symbol,
            bid=number(row, "bp"),
            ask=number(row, "ap"),
            bid_size=number(row, "bs"),
            ask_size=number(row, "as"),
            quoted_at=quoted_at,
            feed=feed,
        )
    except ValidationError as error:
        raise BadResponse(f"quote of {symbol} at {quoted_at}: {error.errors()[0]['msg']}", row) from None
