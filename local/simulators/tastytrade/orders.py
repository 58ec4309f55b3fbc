"""Orders as tastytrade keeps and shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from functions.core.money import divided, text
from local.simulators.tastytrade import symbols
from local.simulators.tastytrade.wire import from_millis, instant, money, optional_instant

TERMINAL: Final = frozenset({"Filled", "Cancelled", "Expired", "Rejected", "Removed", "Partially Removed"})
WORKING: Final = "Live"
_CHANGEABLE: Final = frozenset({"Received", "Live", "Contingent"})
_USER: Final = "U0001"


@dataclass(frozen=True, slots=True)
class LegFill:
    """One execution of a leg. `price` in dollars per share."""

    fill_id: str
    quantity: Decimal
    price: Decimal
    filled_at: datetime

    def json(self) -> dict[str, Any]:
        return {
            "fill-id": self.fill_id,
            "ext-exec-id": self.fill_id,
            "ext-group-fill-id": "0",
            "quantity": number(self.quantity),
            "fill-price": money(self.price),
            "filled-at": instant(self.filled_at),
            "destination-venue": "TEST_A",
        }


@dataclass(slots=True)
class Leg:
    """`symbol` as the venue has it. `quantity` in shares or contracts; zero of a notional order until it is known."""

    symbol: str
    action: str
    quantity: Decimal
    fills: list[LegFill] = field(default_factory=list)

    @property
    def instrument_type(self) -> str:
        return symbols.instrument_type(self.symbol)

    @property
    def is_buy(self) -> bool:
        return self.action.startswith("Buy")

    @property
    def opens(self) -> bool:
        return self.action.endswith("Open")

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    def json(self) -> dict[str, Any]:
        return {
            "instrument-type": self.instrument_type,
            "symbol": symbols.outside(self.symbol),
            "quantity": number(self.quantity),
            "remaining-quantity": number(self.remaining),
            "action": self.action,
            "fills": [fill.json() for fill in self.fills],
        }


@dataclass(slots=True, kw_only=True)
class Order:
    """`price` and `value` are without sign; their effect stands beside them. `updated_ms` rises with every change.

    `venue_id` is the order's id at the neutral desk, None while it waits for another order or its trigger.
    """

    id: int
    account_number: str
    type: str
    time_in_force: str
    legs: list[Leg]
    received_at: datetime
    updated_ms: int
    status: str = "Received"
    price: Decimal | None = None
    price_effect: str | None = None
    value: Decimal | None = None
    value_effect: str | None = None
    stop: Decimal | None = None
    gtc_date: date | None = None
    external_identifier: str | None = None
    source: str | None = None
    preflight_id: str | None = None
    venue_id: str | None = None
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

    @property
    def is_open(self) -> bool:
        return self.status not in TERMINAL

    @property
    def underlying(self) -> str:
        return symbols.underlying(self.legs[0].symbol)

    @property
    def size(self) -> Decimal:
        return max(leg.quantity for leg in self.legs)

    @property
    def filled(self) -> Decimal:
        """Units of the whole that every leg has filled."""
        return min((divided(leg.filled * self.size, leg.quantity) if leg.quantity else Decimal(0)) for leg in self.legs)

    @property
    def cancellable(self) -> bool:
        return self.status in _CHANGEABLE

    def json(self) -> dict[str, Any]:
        """The order as it is answered and streamed: what is not known is left out, as tastytrade does."""
        shown = {
            "id": self.id,
            "account-number": self.account_number,
            "time-in-force": self.time_in_force,
            "gtc-date": None if self.gtc_date is None else self.gtc_date.isoformat(),
            "order-type": self.type,
            "size": number(self.size),
            "underlying-symbol": self.underlying,
            "underlying-instrument-type": "Equity",
            "price": None if self.price is None else money(self.price),
            "price-effect": self.price_effect,
            "value": None if self.value is None else money(self.value),
            "value-effect": self.value_effect,
            "stop-trigger": None if self.stop is None else text(self.stop),
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
            "preflight-id": self.preflight_id,
            "user-id": _USER,
            "username": "simulated",
            "source": self.source,
            "external-identifier": self.external_identifier,
            "legs": [leg.json() for leg in self.legs],
        }
        return {name: value for name, value in shown.items() if value is not None}

    @property
    def updated_at(self) -> datetime:
        return from_millis(self.updated_ms)


def number(quantity: Decimal) -> int | str:
    """A JSON number where it is whole, as tastytrade writes shares and contracts; text for fractions."""
    return int(quantity) if quantity == quantity.to_integral_value() else text(quantity)
