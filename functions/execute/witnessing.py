"""What the broker says, as rows: fills first, then the order's state. Applying it twice changes nothing."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from functions.brokers.orders import FINAL_STATES, BrokerFill, BrokerFillChange, BrokerOrder, OrderState
from functions.brokers.protocol import Quarantined
from functions.core.identity import named_uuid
from functions.core.ledger.executing import (
    BrokerUpdate,
    ExecutionLedger,
    FillChange,
    FillToRecord,
    StreamCursor,
    ToldLeg,
)
from functions.core.log import logger

_log = logger("execute")
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


def fill_to_record(fill: BrokerFill, source: str, order: BrokerOrder | None = None) -> FillToRecord:
    """An execution as the ledger takes it. `order` is what it belongs to, for one that was placed outside."""
    return FillToRecord(
        broker_order_id=fill.broker_order_id,
        client_order_id=fill.client_order_id or (order.client_order_id if order else None),
        leg=fill.leg,
        symbol=fill.symbol,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        cumulative_quantity=fill.cumulative_quantity,
        executed_at=fill.executed_at,
        source="stream" if source == "stream" else "activities",
        external_id=fill.execution_id,
        fee=fill.fee if fill.fee is not None else Decimal(0),
        order_type=order.order_type if order else "market",
        limit_price=order.limit_price if order else None,
        stop_price=order.stop_price if order else None,
        ordered_quantity=order.quantity if order else None,
        time_in_force=order.time_in_force if order else None,
        legs=_legs(order) if order else (),
        replaces=order.replaces if order else None,
        parent_order_id=order.parent_order_id if order else None,
    )


def record_fill(
    ledger: ExecutionLedger,
    account: UUID,
    fill: BrokerFill,
    source: str,
    order: BrokerOrder | None = None,
    cursor: StreamCursor | None = None,
) -> bool:
    """Records an execution; True where it was new. `order` is what it belongs to, for one placed outside."""
    return ledger.record_fill(account, fill_to_record(fill, source, order), cursor)


def record_fill_change(ledger: ExecutionLedger, account: UUID, change: BrokerFillChange) -> bool:
    """Records that the stream took an execution back or corrected it; True where it was new."""
    told = FillChange(
        kind=change.kind,
        broker_order_id=change.broker_order_id,
        corrects_external_id=change.corrects,
        external_id=change.execution_id,
        quantity=change.quantity,
        price=change.price,
        executed_at=change.executed_at,
        source="stream",
    )
    _log.warning("fill changed", account=str(account), kind=change.kind, order=change.broker_order_id)
    return ledger.record_fill_change(account, told)


def record_order(
    ledger: ExecutionLedger,
    account: UUID,
    order: BrokerOrder,
    cursor: StreamCursor | None = None,
    *,
    adopt: bool = False,
) -> str | None:
    """Records an order's state; a fill is never made of it. Returns the trade's status, None where it is not ours.

    `adopt`: an order that works and that nobody here placed is then a trade of source external.
    """
    said = _SAID.get(order.state, "submitted")
    update = BrokerUpdate.model_validate(
        {
            "broker_order_id": order.broker_order_id,
            "client_order_id": order.client_order_id,
            "filled_quantity": order.filled_quantity,
            "legs": _legs(order),
            "replaces": order.replaces,
            "status": said,
            "at": order.updated_at,
            "is_over": order.state in FINAL_STATES,
            "adopt": adopt,
            "symbol": order.symbol,
            "side": order.side,
            "position_intent": order.position_intent,
            "order_type": order.order_type,
            "limit_price": order.limit_price,
            "stop_price": order.stop_price,
            "ordered_quantity": order.quantity,
            "time_in_force": order.time_in_force,
            "parent_order_id": order.parent_order_id,
            "reason": f"BROKER_REJECTED: {order.reason or order.raw_status}" if said == "rejected" else None,
        }
    )
    return ledger.record_broker_update(account, update, cursor)


def _legs(order: BrokerOrder) -> tuple[ToldLeg, ...]:
    return tuple(
        ToldLeg(
            symbol=leg.symbol,
            side=leg.side,
            position_intent=leg.position_intent,
            quantity=leg.quantity,
            filled_quantity=leg.filled_quantity,
        )
        for leg in order.legs
    )


def quarantine(ledger: ExecutionLedger, account: UUID, code: str, row: Quarantined) -> None:
    """Tells, once, of a row of the broker's that could not be read: what it says is not on record."""
    _log.error("row not read", account=str(account), code=code, reason=row.reason, row=row.row)
    numbers = {"account": str(account), "row": row.row[:500]}
    ledger.raise_alert(code, "critical", row.reason, numbers, f"{code.lower()}|{account}|{named_uuid(row.row)}")
