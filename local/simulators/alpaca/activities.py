"""The account's activity list: fills and fees, in the order they happened, read in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.backtest.exchange_events import Fill
from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.alpaca import refusals
from local.simulators.alpaca.order_record import OrderRecord
from local.simulators.alpaca.wire import NEW_YORK
from local.simulators.venue.clock import instant


@dataclass(frozen=True, slots=True)
class Activity:
    """A row of the list, and when it happened (UTC)."""

    at: datetime
    row: dict[str, Any]


def activity_id(at: datetime, *names: object) -> str:
    """Sorts by time to the millisecond; what follows is made from what happened, so a replay makes the same."""
    return f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}::{named_uuid('alpaca-activity', *names)}"


def fill_activity(record: OrderRecord, fill: Fill, at: datetime) -> Activity:
    """The FILL row; `record` is the order after the fill."""
    row = {
        "activity_type": "FILL",
        "id": activity_id(at, record.id, text(fill.cumulative)),
        "order_id": record.id,
        "symbol": record.new.symbol,
        "side": record.new.side.value,
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "cum_qty": text(fill.cumulative),
        "leaves_qty": text(fill.leaves),
        "order_status": record.status,
        "type": "partial_fill" if fill.leaves else "fill",
        "transaction_time": instant(at),
    }
    return Activity(at, row)


def fee_activity(account_id: str, amount: Decimal, at: datetime) -> Activity:
    """The FEE row of a day; `amount` in dollars, above zero."""
    day = at.astimezone(NEW_YORK).date().isoformat()
    row = {
        "activity_type": "FEE",
        "id": activity_id(at, account_id, "fee", day),
        "date": day,
        "net_amount": text(-amount),
        "status": "executed",
        "description": f"Fees of {day}",
    }
    return Activity(at, row)


def page(
    activities: Sequence[Activity],
    *,
    types: frozenset[str] | None,
    after: datetime | None,
    until: datetime | None,
    descending: bool,
    size: int,
    token: str | None,
) -> list[dict[str, Any]]:
    """One page, from behind the row whose id is `token`. Raises Refusal 422 for a token that names no row."""
    rows = [
        activity.row
        for activity in activities
        if (types is None or activity.row["activity_type"] in types)
        and (after is None or activity.at > after)
        and (until is None or activity.at < until)
    ]
    if descending:
        rows.reverse()
    start = 0
    if token is not None:
        ids = [row["id"] for row in rows]
        if token not in ids:
            raise refusals.invalid(f"page_token must be the id of an activity, was {token!r}")
        start = ids.index(token) + 1
    return rows[start : start + size]
