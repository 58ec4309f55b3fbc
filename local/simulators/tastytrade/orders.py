"""Orders as tastytrade tells of them: the venue's record, and what only this broker says beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from functions.backtest.orders import Side
from functions.core.money import text
from local.simulators.tastytrade import symbols
from local.simulators.tastytrade.order_request import OrderRequest
from local.simulators.tastytrade.wire import from_millis, instant, money, optional_instant
from local.simulators.venue.desk_order import DeskFill, DeskLeg, DeskOrder

TERMINAL: Final = frozenset({"Filled", "Cancelled", "Expired", "Rejected", "Removed", "Partially Removed"})
_CHANGEABLE: Final = frozenset({"Received", "Live", "Contingent"})
_USER: Final = "U0001"


@dataclass(slots=True, kw_only=True)
class Order:
    """`asked` has prices without sign, their effect beside them. `updated_ms` rises with every change.

    `actions` are what each leg does by the broker's own ledger, which may lag the venue's.
    """

    id: int
    account_number: str
    desk: DeskOrder
    asked: OrderRequest
    actions: tuple[str, ...]
    received_at: datetime
    updated_ms: int
    status: str = "Received"
    edited: bool = False
    replaces: int | None = None
    replaced_by: int | None = None
    complex_id: int | None = None
    complex_tag: str | None = None
    contingent_status: str | None = None
    reject_reason: str | None = None
    in_flight_at: datetime | None = None
    live_at: datetime | None = None
    cancelled_at: datetime | None = None
    terminal_at: datetime | None = None
    told_fills: set[str] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        return self.status not in TERMINAL

    @property
    def underlying(self) -> str:
        return symbols.underlying(self.desk.symbol)

    @property
    def cancellable(self) -> bool:
        return self.status in _CHANGEABLE

    @property
    def updated_at(self) -> datetime:
        return from_millis(self.updated_ms)

    def fill_id(self, fill: DeskFill) -> str:
        """The same in every replay, and another for each execution of each leg."""
        place = self.desk.legs[fill.leg].fills.index(fill) + 1
        return f"{self.id}_TW::TEST_A{fill.leg}::{fill.at:%Y%m%d}.{place}-TEST_FILL"

    def json(self) -> dict[str, Any]:
        """The order as it is answered and streamed: what is not known is left out, as tastytrade does."""
        asked = self.asked
        shown = {
            "id": self.id,
            "account-number": self.account_number,
            "time-in-force": asked.time_in_force,
            "gtc-date": None if asked.gtc_date is None else asked.gtc_date.isoformat(),
            "order-type": asked.type,
            "size": number(max(leg.quantity for leg in self.desk.legs)),
            "underlying-symbol": symbols.outside(self.underlying),
            "underlying-instrument-type": "Equity",
            "price": None if asked.price is None else money(asked.price),
            "price-effect": asked.price_effect,
            "value": None if asked.value is None else money(asked.value),
            "value-effect": asked.value_effect,
            "stop-trigger": None if asked.stop is None else text(asked.stop),
            "status": self.status,
            "contingent-status": self.contingent_status,
            "cancellable": self.cancellable,
            "cancelled-at": optional_instant(self.cancelled_at),
            "cancel-user-id": _USER if self.cancelled_at is not None else None,
            "editable": self.cancellable and self.complex_id is None,
            "edited": self.edited,
            "replacing-order-id": self.replaced_by,
            "replaces-order-id": self.replaces,
            "received-at": instant(self.received_at),
            "in-flight-at": optional_instant(self.in_flight_at),
            "live-at": optional_instant(self.live_at),
            "updated-at": self.updated_ms,
            "terminal-at": optional_instant(self.terminal_at),
            "reject-reason": self.reject_reason,
            "complex-order-id": self.complex_id,
            "complex-order-tag": self.complex_tag,
            "preflight-id": asked.preflight_id,
            "user-id": _USER,
            "username": "simulated",
            "source": asked.source,
            "external-identifier": asked.external_identifier,
            "legs": [self._leg(leg, action) for leg, action in zip(self.desk.legs, self.actions, strict=True)],
        }
        return {name: value for name, value in shown.items() if value is not None}

    def _leg(self, leg: DeskLeg, action: str) -> dict[str, Any]:
        return {
            "instrument-type": symbols.instrument_type(leg.symbol),
            "symbol": symbols.outside(leg.symbol),
            "quantity": number(leg.quantity),
            "remaining-quantity": number(leg.remaining),
            "action": action,
            "fills": [self._fill(fill) for fill in leg.fills],
        }

    def _fill(self, fill: DeskFill) -> dict[str, Any]:
        name = self.fill_id(fill)
        return {
            "fill-id": name,
            "ext-exec-id": name,
            "ext-group-fill-id": str(fill.group),
            "quantity": number(fill.quantity),
            "fill-price": money(fill.price),
            "filled-at": instant(fill.at),
            "destination-venue": "TEST_A",
        }


@dataclass(slots=True, kw_only=True)
class ComplexOrder:
    """Orders that depend on one another; `trigger` is None in an OCO. `orders` have their successors put in place."""

    id: int
    account_number: str
    kind: str
    trigger: Order | None
    orders: list[Order]
    terminal_at: datetime | None = None

    @property
    def members(self) -> list[Order]:
        """The trigger first."""
        return [*([] if self.trigger is None else [self.trigger]), *self.orders]

    def json(self) -> dict[str, Any]:
        shown = {
            "id": self.id,
            "account-number": self.account_number,
            "type": self.kind,
            "terminal-at": optional_instant(self.terminal_at),
            "trigger-order": None if self.trigger is None else self.trigger.json(),
            "orders": [order.json() for order in self.orders],
            "related-orders": [{"id": str(order.id)} for order in self.members],
        }
        return {name: value for name, value in shown.items() if value is not None}


def action_of(leg: DeskLeg) -> str:
    """Buy to Open and so on."""
    return f"{'Buy' if leg.side is Side.BUY else 'Sell'} to {leg.effect.capitalize()}"


def number(quantity: Decimal) -> int | str:
    """A JSON number where it is whole, as tastytrade writes shares and contracts; text for fractions."""
    return int(quantity) if quantity == quantity.to_integral_value() else text(quantity)
