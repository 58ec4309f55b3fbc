"""Reading an order request: what tastytrade checks before it looks at the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from local.simulators.tastytrade import refusals, symbols
from local.simulators.tastytrade.wire import optional_day, optional_decimal, optional_text

TYPES: Final = ("Limit", "Market", "Marketable Limit", "Stop", "Stop Limit", "Notional Market")
TIMES_IN_FORCE: Final = (*("Day", "GTC", "GTD", "Ext", "GTC Ext", "Ext Overnight", "GTC Ext Overnight", "IOC"),)
ACTIONS: Final = ("Buy to Open", "Sell to Open", "Buy to Close", "Sell to Close")
INSTRUMENTS: Final = ("Equity", "Equity Option")
PRICED: Final = frozenset({"Limit", "Marketable Limit", "Stop Limit"})
STOPPED: Final = frozenset({"Stop", "Stop Limit"})
_EFFECTS: Final = ("Debit", "Credit")
_MOST_IDENTIFIER: Final = 36 * 4


@dataclass(frozen=True, slots=True)
class LegRequest:
    """`symbol` as the venue has it; `quantity` None in a notional order. `rewritten`: it was a close of nothing."""

    symbol: str
    instrument_type: str
    action: str
    quantity: Decimal | None
    rewritten: bool = False

    @property
    def is_buy(self) -> bool:
        return self.action.startswith("Buy")

    @property
    def opens(self) -> bool:
        return self.action.endswith("Open")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """A well-formed request. `price` and `value` without sign, dollars."""

    type: str
    time_in_force: str
    legs: tuple[LegRequest, ...]
    price: Decimal | None = None
    price_effect: str | None = None
    value: Decimal | None = None
    value_effect: str | None = None
    stop: Decimal | None = None
    gtc_date: date | None = None
    external_identifier: str | None = None
    source: str | None = None
    preflight_id: str | None = None
    strict: bool = False

    @property
    def underlying(self) -> str:
        return symbols.underlying(self.legs[0].symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """What a PUT says: an order without its legs."""

    type: str
    time_in_force: str
    price: Decimal | None
    price_effect: str | None
    stop: Decimal | None
    gtc_date: date | None
    external_identifier: str | None
    source: str | None


def read_order(values: Mapping[str, Any]) -> OrderRequest:
    """Raises Refusal 400 for what is missing or malformed."""
    given = values.get("legs")
    if not isinstance(given, list) or not given or not all(isinstance(leg, dict) for leg in given):
        raise refusals.invalid("legs is missing")
    kind = _one_of(values, "order-type", TYPES)
    advanced = values.get("advanced-instructions")
    request = OrderRequest(
        type=kind,
        time_in_force=_one_of(values, "time-in-force", TIMES_IN_FORCE),
        legs=tuple(_leg(leg, notional=kind == "Notional Market") for leg in given),
        price=_without_sign(values, "price"),
        price_effect=_effect(values, "price"),
        value=_without_sign(values, "value"),
        value_effect=_effect(values, "value"),
        stop=optional_decimal(values, "stop-trigger"),
        gtc_date=optional_day(optional_text(values, "gtc-date"), "gtc-date"),
        external_identifier=_identifier(values),
        source=optional_text(values, "source"),
        preflight_id=optional_text(values, "preflight-id"),
        strict=isinstance(advanced, dict) and advanced.get("strict-position-effect-validation") is True,
    )
    check_prices(request.type, request.price, request.price_effect, request.stop)
    if (request.type == "Notional Market") != (request.value is not None):
        raise refusals.invalid("value is missing" if request.value is None else "value is for notional orders")
    if (request.time_in_force == "GTD") != (request.gtc_date is not None):
        raise refusals.invalid("gtc-date is needed by GTD orders, and by no others")
    if len({leg.symbol for leg in request.legs}) != len(request.legs):
        raise refusals.invalid("legs must have different symbols")
    return request


def read_change(values: Mapping[str, Any]) -> ChangeRequest:
    """Raises Refusal 400."""
    change = ChangeRequest(
        type=_one_of(values, "order-type", TYPES),
        time_in_force=_one_of(values, "time-in-force", TIMES_IN_FORCE),
        price=_without_sign(values, "price"),
        price_effect=_effect(values, "price"),
        stop=optional_decimal(values, "stop-trigger"),
        gtc_date=optional_day(optional_text(values, "gtc-date"), "gtc-date"),
        external_identifier=_identifier(values),
        source=optional_text(values, "source"),
    )
    check_prices(change.type, change.price, change.price_effect, change.stop)
    return change


def check_prices(kind: str, price: Decimal | None, effect: str | None, stop: Decimal | None) -> None:
    """Raises Refusal 400 where a price is missing or too many."""
    if (kind in PRICED) != (price is not None):
        raise refusals.invalid("price is missing" if price is None else f"price is not for {kind} orders")
    if (kind in STOPPED) != (stop is not None):
        raise refusals.invalid("stop-trigger is missing" if stop is None else f"stop-trigger is not for {kind} orders")
    if price and effect is None:
        raise refusals.invalid("price-effect is missing")
    if stop is not None and stop <= 0:
        raise refusals.invalid("stop-trigger must be above zero")


def _leg(values: Mapping[str, Any], *, notional: bool) -> LegRequest:
    symbol = optional_text(values, "symbol")
    instrument = _one_of(values, "instrument-type", INSTRUMENTS)
    quantity = optional_decimal(values, "quantity")
    if not symbol:
        raise refusals.invalid("symbol is missing")
    if (instrument == "Equity Option") != (symbols.contract(symbol) is not None):
        raise refusals.invalid(f"symbol {symbol} is not an {instrument} symbol")
    if not notional and (quantity is None or quantity <= 0):
        raise refusals.invalid("quantity must be above zero")
    if instrument == "Equity Option" and quantity is not None and quantity != quantity.to_integral_value():
        raise refusals.invalid("quantity must be whole contracts")
    return LegRequest(symbols.canonical(symbol), instrument, _one_of(values, "action", ACTIONS), quantity)


def _one_of(values: Mapping[str, Any], field: str, known: tuple[str, ...]) -> str:
    value = values.get(field)
    if value not in known:
        raise refusals.invalid(f"{field} does not have a valid value" if value else f"{field} is missing")
    return str(value)


def _without_sign(values: Mapping[str, Any], field: str) -> Decimal | None:
    amount = optional_decimal(values, field)
    if amount is not None and amount < 0:
        raise refusals.invalid(f"{field} must not be below zero; {field}-effect says who pays")
    return amount


def _effect(values: Mapping[str, Any], field: str) -> str | None:
    value = values.get(f"{field}-effect")
    if value is not None and value not in _EFFECTS:
        raise refusals.invalid(f"{field}-effect does not have a valid value")
    return None if value is None else str(value)


def _identifier(values: Mapping[str, Any]) -> str | None:
    given = optional_text(values, "external-identifier")
    if given is not None and len(given) > _MOST_IDENTIFIER:
        raise refusals.invalid(f"external-identifier must be no more than {_MOST_IDENTIFIER} characters")
    return given or None
