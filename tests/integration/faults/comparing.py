"""What a fault script must end with: the ledger is the broker's own book, order by order and fill by fill."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from tests.integration.faults.market import Book
from tests.integration.faults.placing import Rows

OPEN = ("submitted", "partially_filled", "cancel_pending", "replace_pending")

_BOOKED = """
select f.broker_order_id, f.symbol, f.quantity, coalesce(
  (select c.price from public.fills as c where c.corrects_fill_id = f.id and c.kind = 'correction'
   order by c.executed_at desc limit 1), f.price)
from public.fills as f
where f.broker_account_id = %s and f.kind = 'fill'
  and not exists (select from public.fills as b where b.corrects_fill_id = f.id and b.kind = 'bust')
"""


def differences(book: Book, rows: Rows, account: UUID) -> list[str]:
    """Everything in which the ledger is not what the broker's own book is; empty where it is."""
    found: list[str] = []
    booked = rows(_BOOKED, account)
    theirs, ours = Counter(book.fills), Counter((order, symbol, *amounts) for order, symbol, *amounts in booked)
    found += [f"a fill is missing: {row}" for row in (theirs - ours).elements()]
    found += [f"a fill is invented or doubled: {row}" for row in (ours - theirs).elements()]
    held: dict[Any, Any] = dict(
        rows(
            "select symbol, quantity from public.position_books where broker_account_id = %s and quantity <> 0", account
        )
    )
    if held != dict(book.positions):
        found.append(f"positions: {held} here, {dict(book.positions)} at the broker")
    return found + _orders(book, rows, account)


def _orders(book: Book, rows: Rows, account: UUID) -> list[str]:
    found: list[str] = []
    trades = {
        order: (status, filled, source)
        for order, status, filled, source in rows(
            "select broker_order_id, status, filled_quantity, source from public.trades "
            "where broker_account_id = %s and broker_order_id is not null",
            account,
        )
    }
    names = rows(
        "select distinct trade_id, client_order_id from public.order_attempts where broker_account_id = %s", account
    )
    sent = Counter(trade for trade, name in names for order in book.orders if order.client_order_id == name)
    found += [f"sent twice: {trade}" for trade, count in sent.items() if count > 1]
    for order in book.orders:
        trade = trades.pop(order.order, None)
        if trade is None:
            # What was placed by hand and ended without a fill left nothing to be known.
            if order.is_open or order.filled:
                found.append(f"unknown here: {order}")
            continue
        if trade[1] != order.filled:
            found.append(f"filled {trade[1]} here: {order}")
        if (trade[0] in OPEN) != order.is_open:
            found.append(f"{trade[0]} here: {order}")
    return found + [f"not at the broker: {trade}" for trade in trades.items()]
