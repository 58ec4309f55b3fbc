"""An order as the broker keeps and shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from functions.backtest.orders import NewOrder, Side
from functions.core.identity import named_uuid
from functions.core.money import divided, text
from local.simulators.alpaca.wire import optional_instant
from local.simulators.venue.clock import instant

TERMINAL = frozenset({"filled", "canceled", "expired", "replaced", "rejected"})


def asset_id(symbol: str) -> str:
    """The same symbol has the same asset id everywhere."""
    return str(named_uuid("alpaca-asset", symbol))


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


@dataclass(slots=True)
class OrderRecord:
    """`new` is what the exchange got. Times are UTC stamps of the tape's clock; `notional` is in dollars."""

    id: str
    client_order_id: str
    new: NewOrder
    created_at: datetime
    status: str
    position_intent: str
    extended_hours: bool = False
    notional: Decimal | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    updated_at: datetime | None = None
    filled_at: datetime | None = None
    expired_at: datetime | None = None
    canceled_at: datetime | None = None
    failed_at: datetime | None = None
    replaced_at: datetime | None = None
    expires_at: datetime | None = None
    filled: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)

    @property
    def is_open(self) -> bool:
        return self.status not in TERMINAL

    @property
    def remaining(self) -> Decimal:
        return self.new.quantity - self.filled

    @property
    def signed_remaining(self) -> Decimal:
        return self.remaining if self.new.side is Side.BUY else -self.remaining

    @property
    def average(self) -> Decimal | None:
        """Average fill price; None before the first fill."""
        return divided(self.paid, self.filled) if self.filled else None

    def json(self) -> dict[str, Any]:
        """The order as Alpaca answers it: money and quantity as text."""
        new = self.new
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": instant(self.created_at),
            "updated_at": instant(self.updated_at or self.created_at),
            "submitted_at": instant(self.created_at),
            "filled_at": optional_instant(self.filled_at),
            "expired_at": optional_instant(self.expired_at),
            "expires_at": optional_instant(self.expires_at),
            "canceled_at": optional_instant(self.canceled_at),
            "failed_at": optional_instant(self.failed_at),
            "replaced_at": optional_instant(self.replaced_at),
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": asset_id(new.symbol),
            "symbol": new.symbol,
            "asset_class": "us_equity",
            "notional": _optional(self.notional),
            "qty": None if self.notional is not None else text(new.quantity),
            "filled_qty": text(self.filled),
            "filled_avg_price": _optional(self.average),
            "order_class": "",
            "order_type": new.type.value,
            "type": new.type.value,
            "side": new.side.value,
            "time_in_force": new.time_in_force.value,
            "limit_price": _optional(new.limit),
            "stop_price": _optional(new.stop),
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": None,
            "trail_percent": _optional(new.trail_percent),
            "trail_price": _optional(new.trail_price),
            "hwm": None,
            "position_intent": self.position_intent,
            "subtag": None,
            "source": None,
        }
