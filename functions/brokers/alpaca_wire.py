"""Alpaca's JSON as our shapes, read tolerantly row by row: numbers as text or JSON numbers, times to nanoseconds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from functions.brokers.errors import BadResponse
from functions.brokers.holdings import AccountSnapshot, BrokerPosition
from functions.brokers.markets import MarketClock
from functions.brokers.orders import BrokerFill, BrokerOrder, OrderState, Side, TradeUpdate
from functions.brokers.reading import mapping, moment, number, optional, optional_words, positive, words
from functions.core.errors import BadInput
from functions.core.events import BarData, QuoteData
from functions.core.market_calendar import Session

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


def side(row: Mapping[str, Any]) -> Side:
    """Buy or sell; activities say sell_short for a sale that opens a short position."""
    value = words(row, "side")
    if value == "buy":
        return "buy"
    if value in ("sell", "sell_short"):
        return "sell"
    raise BadResponse(f"side must be buy or sell, was {value!r}", row)


def order(answer: object) -> BrokerOrder:
    """An order. Raises BadResponse, also for a status that this version does not know: it is never guessed at."""
    row = mapping(answer)
    status = words(row, "status")
    if status not in _STATES:
        raise BadResponse(f"unknown order status {status!r}", row)
    stamp = row.get("updated_at") or row.get("submitted_at") or row.get("created_at")
    return BrokerOrder(
        broker_order_id=words(row, "id"),
        client_order_id=optional_words(row, "client_order_id"),
        symbol=words(row, "symbol"),
        side=side(row),
        order_type=words(row, "type" if row.get("type") else "order_type"),
        state=_STATES[status],
        raw_status=status,
        quantity=optional(row, "qty"),
        filled_quantity=number(row, "filled_qty"),
        limit_price=optional(row, "limit_price"),
        stop_price=optional(row, "stop_price"),
        updated_at=moment(stamp, "updated_at"),
        reason=optional_words(row, "reject_reason"),
    )


def activity_fill(answer: object) -> BrokerFill:
    """An execution from the activity list; it names no client order id. Raises BadResponse."""
    row = mapping(answer)
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
    """A message of the trade stream. Raises BadResponse."""
    row = mapping(answer)
    event = words(row, "event")
    found = order(row.get("order"))
    at = moment(row["timestamp"], "timestamp") if row.get("timestamp") else found.updated_at
    fills: tuple[BrokerFill, ...] = ()
    if event in ("fill", "partial_fill"):
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
    return TradeUpdate(event=event, at=at, order=found, fills=fills)


def _cumulative(row: Mapping[str, Any], quantity: Decimal) -> Decimal:
    # It names the fill: a wrong one would count an execution twice or not at all.
    if quantity < number(row, "qty"):
        raise BadResponse(f"expected the order's filled quantity to hold this execution, was {quantity}", row)
    return quantity


def position(answer: object) -> BrokerPosition:
    """A position; a short one comes with a negative quantity, or a positive one and side=short. Raises BadResponse."""
    row = mapping(answer)
    quantity, held = number(row, "qty"), row.get("side")
    if held not in ("long", "short", None) or (held == "long" and quantity < 0):
        raise BadResponse(f"expected side long or short to fit the quantity {quantity}, was {held!r}", row)
    return BrokerPosition(
        symbol=words(row, "symbol"),
        quantity=-abs(quantity) if held == "short" else quantity,
        average_entry_price=number(row, "avg_entry_price"),
    )


def account(answer: object) -> AccountSnapshot:
    """Cash and equity are required; buying power may be absent. Raises BadResponse."""
    row = mapping(answer)
    return AccountSnapshot(
        cash=number(row, "cash"), equity=number(row, "equity"), buying_power=optional(row, "buying_power")
    )


def clock(answer: object) -> MarketClock:
    """The market's clock. Raises BadResponse."""
    row = mapping(answer)
    is_open = row.get("is_open")
    if not isinstance(is_open, bool):
        raise BadResponse(f"is_open must be true or false, was {is_open!r}", row)
    return MarketClock(now=moment(row.get("timestamp"), "timestamp"), is_open=is_open)


def session(answer: object) -> Session:
    """A row of the calendar, which carries no zone: its times are the exchange's wall clock. Raises BadResponse."""
    row = mapping(answer)
    try:
        day = date.fromisoformat(words(row, "date"))
        opens, closes = (dt.time.fromisoformat(words(row, name)) for name in ("open", "close"))
        return Session.in_new_york(day, opens, closes)
    except (ValueError, OverflowError):
        raise BadResponse("a calendar row needs date, open and close", row) from None
    except BadResponse:
        raise
    except BadInput as error:
        raise BadResponse(error.text, row) from None


def stamp(value: object) -> datetime:
    """A data time: ISO text from REST, a msgpack timestamp from the stream. Raises BadResponse."""
    if not hasattr(value, "to_unix_nano"):
        return moment(value, "t")
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value.to_unix_nano() // 1000)
    except OverflowError:
        raise BadResponse(f"t must be a time, was {value!r}", value) from None


def bar(symbol: str, answer: object, feed: str) -> BarData:
    """A completed one-minute bar. Raises BadResponse naming what is wrong with it."""
    row = mapping(answer)
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
    except OverflowError:
        raise BadResponse(f"bar of {symbol}: t must be a time, was {starts_at}", row) from None
    except ValidationError as error:
        raise BadResponse(f"bar of {symbol} at {starts_at}: {error.errors()[0]['msg']}", row) from None


def quote(symbol: str, answer: object, feed: str) -> QuoteData:
    """The best bid and ask. Raises BadResponse naming what is wrong with them."""
    row = mapping(answer)
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
