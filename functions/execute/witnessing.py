"""What the broker says, as rows: fills first, then the order's state. Applying it twice changes nothing."""

from __future__ import annotations

from uuid import UUID

from functions.brokers.orders import BrokerFill, BrokerOrder, OrderState
from functions.core.ledger.executing import BrokerUpdate, ExecutionLedger, FillToRecord, StreamCursor

_SAID: dict[OrderState, str] = {
    "submitted": "submitted",
    "partially_filled": "submitted",
    "replace_pending": "replace_pending",
    "cancel_pending": "cancel_pending",
    "canceled": "canceled",
    "expired": "expired",
    "rejected": "rejected",
    "replaced": "replaced",
}


def record_fill(
    ledger: ExecutionLedger,
    account: UUID,
    fill: BrokerFill,
    source: str,
    order: BrokerOrder | None = None,
    cursor: StreamCursor | None = None,
) -> bool:
    """Records an execution; True where it was new. `order` is what it belongs to, for one placed outside."""
    row = FillToRecord(
        broker_order_id=fill.broker_order_id,
        client_order_id=fill.client_order_id or (order.client_order_id if order else None),
        symbol=fill.symbol,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        cumulative_quantity=fill.cumulative_quantity,
        executed_at=fill.executed_at,
        source="stream" if source == "stream" else "activities",
        external_id=fill.execution_id,
        order_type=order.order_type if order else "market",
        limit_price=order.limit_price if order else None,
        stop_price=order.stop_price if order else None,
        ordered_quantity=order.quantity if order else None,
    )
    return ledger.record_fill(account, row, cursor)


def record_order(
    ledger: ExecutionLedger, account: UUID, order: BrokerOrder, cursor: StreamCursor | None = None
) -> str | None:
    """Records an order's state; a fill is never made of it. Returns the trade's status, None where it is not ours."""
    said = _SAID.get(order.state, "submitted")
    update = BrokerUpdate.model_validate(
        {
            "broker_order_id": order.broker_order_id,
            "client_order_id": order.client_order_id,
            "filled_quantity": order.filled_quantity,
            "status": said,
            "at": order.updated_at,
            "reason": f"BROKER_REJECTED: {order.reason or order.raw_status}" if said == "rejected" else None,
        }
    )
    return ledger.record_broker_update(account, update, cursor)
