"""The account's activity list as Alpaca writes it, and reading it in pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.core.money import text
from local.simulators.alpaca import refusals
from local.simulators.alpaca.order_view import leg_id
from local.simulators.alpaca.wire import NEW_YORK
from local.simulators.venue.activity import Activity, ActivityKind
from local.simulators.venue.clock import instant
from local.simulators.venue.desk import OrderDesk

_WORDS: dict[ActivityKind, str] = {
    "fill": "FILL",
    "fee": "FEE",
    "exercise": "OPEXC",
    "assignment": "OPASN",
    "expiry": "OPEXP",
    "delivery": "OPTRD",
    "dividend": "DIV",
    "interest": "INT",
    "deposit": "CSD",
    "withdrawal": "CSW",
    "split": "SPLIT",
}
_OFF = Decimal("1.37")


def row(desk: OrderDesk, activity: Activity, *, wrong_price: bool = False) -> dict[str, Any]:
    """One row; `wrong_price` makes a delivery's price one that does not fit its amount, as the published sample's."""
    return _fill(desk, activity) if activity.fill is not None else _other(activity, wrong_price=wrong_price)


def word(activity: Activity) -> str:
    """Alpaca's name of the kind."""
    return _WORDS[activity.kind]


def _fill(desk: OrderDesk, activity: Activity) -> dict[str, Any]:
    fill = activity.fill
    if fill is None:
        raise AssertionError("a row of a fill is made of one")
    order = desk.order(fill.order_id)
    return {
        "activity_type": "FILL",
        "id": _id(activity),
        "order_id": leg_id(order, fill.leg),
        "symbol": fill.symbol,
        "side": fill.side.value,
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "cum_qty": text(fill.cumulative),
        "leaves_qty": text(fill.leaves),
        "order_status": "partially_filled" if fill.leaves else "filled",
        "type": "partial_fill" if fill.leaves else "fill",
        "transaction_time": instant(fill.at),
    }


def _other(activity: Activity, *, wrong_price: bool) -> dict[str, Any]:
    day = activity.at.astimezone(NEW_YORK).date().isoformat()
    found: dict[str, Any] = {
        "activity_type": word(activity),
        "id": _id(activity),
        "date": day,
        "net_amount": text(activity.amount),
        "status": "executed",
        "description": _description(activity, day),
    }
    if activity.symbol is not None:
        found["symbol"] = activity.symbol
    if activity.quantity is not None:
        found["qty"] = text(activity.quantity)
    if activity.price is not None and activity.kind == "delivery":
        found["price"] = text(activity.price + _OFF if wrong_price else activity.price)
    return found


def _description(activity: Activity, day: str) -> str:
    if activity.numerator is not None and activity.denominator is not None:
        return f"{text(activity.numerator)} for {text(activity.denominator)} split"
    return f"Fees of {day}" if activity.kind == "fee" else f"{activity.kind} of {day}"


def _id(activity: Activity) -> str:
    """Sorts by time to the millisecond."""
    at = activity.visible_at
    return f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}::{activity.id}"


def page(
    activities: Sequence[Activity],
    rows: Sequence[dict[str, Any]],
    *,
    types: frozenset[str] | None,
    category: str | None,
    after: datetime | None,
    until: datetime | None,
    descending: bool,
    size: int,
    token: str | None,
) -> list[dict[str, Any]]:
    """One page, from behind the row whose id is `token`; times are those at which a row came into the list.

    Raises Refusal 422 for a token that names no row.
    """
    found = [
        shown
        for activity, shown in zip(activities, rows, strict=True)
        if (types is None or shown["activity_type"] in types)
        and (category is None or (category == "trade_activity") == (activity.kind == "fill"))
        and (after is None or activity.visible_at > after)
        and (until is None or activity.visible_at < until)
    ]
    if descending:
        found.reverse()
    start = 0
    if token is not None:
        ids = [shown["id"] for shown in found]
        if token not in ids:
            raise refusals.invalid(f"page_token must be the id of an activity, was {token!r}")
        start = ids.index(token) + 1
    return found[start : start + size]
