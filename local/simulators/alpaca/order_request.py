"""Reading an order request: what Alpaca checks before it looks at the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from functions.backtest.orders import Change, OrderType, Side, TimeInForce
from functions.core.money import text
from local.simulators.alpaca import refusals
from local.simulators.alpaca.wire import optional_decimal, optional_text

_Choice = TypeVar("_Choice", bound=StrEnum)
_LONGEST_CLIENT_ORDER_ID = 128
_MOST_QUANTITY_PLACES = 9
_INTENTS = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed request; exactly one of `quantity` and `notional` (dollars) is given."""

    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None
    notional: Decimal | None
    limit: Decimal | None
    stop: Decimal | None
    trail_price: Decimal | None
    trail_percent: Decimal | None
    client_order_id: str | None
    position_intent: str | None
    extended_hours: bool


def read_order(values: Mapping[str, Any]) -> OrderRequest:
    """Raises Refusal 422 for what is missing, malformed or not offered."""
    order_class = optional_text(values, "order_class")
    if order_class not in (None, "", "simple"):
        raise refusals.invalid(f"order class {order_class} is not offered by this simulator")
    symbol = optional_text(values, "symbol")
    if not symbol:
        raise refusals.missing("symbol is required")
    request = OrderRequest(
        symbol=symbol,
        side=_choice(Side, values, "side"),
        type=_choice(OrderType, values, "type"),
        time_in_force=_choice(TimeInForce, values, "time_in_force"),
        quantity=_quantity(values),
        notional=optional_decimal(values, "notional"),
        limit=_price(values, "limit_price"),
        stop=_price(values, "stop_price"),
        trail_price=_price(values, "trail_price"),
        trail_percent=optional_decimal(values, "trail_percent"),
        client_order_id=_client_order_id(values),
        position_intent=_intent(values),
        extended_hours=values.get("extended_hours") is True,
    )
    _check_amount(request)
    _check_prices(request)
    return request


def read_change(values: Mapping[str, Any]) -> tuple[Change, str | None]:
    """What a replace changes, and the new order's client order id. `trail` is returned as a trail price.

    Raises Refusal 422.
    """
    quantity = _quantity(values)
    if quantity is not None and quantity != quantity.to_integral_value():
        raise refusals.invalid(f"qty must be whole shares in a replace, was {text(quantity)}")
    change = Change(
        quantity=quantity,
        limit=_price(values, "limit_price"),
        stop=_price(values, "stop_price"),
        trail_price=optional_decimal(values, "trail"),
        time_in_force=_choice(TimeInForce, values, "time_in_force") if values.get("time_in_force") else None,
    )
    if change == Change():
        raise refusals.missing("at least one of qty, limit_price, stop_price, trail, time_in_force is required")
    return change, _client_order_id(values)


def _choice(kind: type[_Choice], values: Mapping[str, Any], field: str) -> _Choice:
    value = optional_text(values, field)
    if value is None:
        raise refusals.missing(f"{field} is required")
    try:
        return kind(value)
    except ValueError:
        raise refusals.invalid(f"invalid {field}: expected one of {', '.join(kind)}, was {value!r}") from None


def _quantity(values: Mapping[str, Any]) -> Decimal | None:
    quantity = optional_decimal(values, "qty")
    if quantity is None:
        return None
    if quantity <= 0:
        raise refusals.invalid(f"qty must be > 0, was {text(quantity)}")
    if quantity != round(quantity, _MOST_QUANTITY_PLACES):
        raise refusals.invalid(f"qty must have at most {_MOST_QUANTITY_PLACES} decimal places, was {quantity}")
    return quantity


def _price(values: Mapping[str, Any], field: str) -> Decimal | None:
    """A share price: whole cents from one dollar, four places below."""
    price = optional_decimal(values, field)
    if price is None:
        return None
    if price <= 0:
        raise refusals.invalid(f"{field} must be > 0, was {text(price)}")
    if price != round(price, 2 if price >= 1 else 4):
        raise refusals.invalid(
            f"invalid {field} {text(price)}. sub-penny increment does not fulfill minimum pricing criteria"
        )
    return price


def _client_order_id(values: Mapping[str, Any]) -> str | None:
    given = optional_text(values, "client_order_id")
    if given is not None and len(given) > _LONGEST_CLIENT_ORDER_ID:
        raise refusals.invalid(f"client_order_id must be no more than {_LONGEST_CLIENT_ORDER_ID} characters")
    return given or None


def _intent(values: Mapping[str, Any]) -> str | None:
    intent = optional_text(values, "position_intent")
    if intent is not None and intent not in _INTENTS:
        raise refusals.invalid(f"invalid position_intent: expected one of {', '.join(_INTENTS)}, was {intent!r}")
    return intent


def _check_amount(request: OrderRequest) -> None:
    if (request.quantity is None) == (request.notional is None):
        raise refusals.missing("exactly one of qty and notional is required")
    if request.notional is not None and request.notional <= 0:
        raise refusals.invalid(f"notional must be > 0, was {text(request.notional)}")
    fractional = request.notional is not None or request.quantity != round(request.quantity or Decimal(0))
    if fractional and request.time_in_force is not TimeInForce.DAY:
        raise refusals.invalid("fractional orders must be DAY orders")
    if request.notional is not None and request.type is not OrderType.MARKET:
        raise refusals.invalid("notional orders must be market orders in this simulator")
    if request.extended_hours and (request.type, request.time_in_force) != (OrderType.LIMIT, TimeInForce.DAY):
        raise refusals.invalid("extended hours order must be DAY limit orders")


def _check_prices(request: OrderRequest) -> None:
    needs_limit = request.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    needs_stop = request.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    for name, price, needed in (("limit", request.limit, needs_limit), ("stop", request.stop, needs_stop)):
        if needed and price is None:
            raise refusals.missing(f"{request.type} orders require {name} price")
        if not needed and price is not None:
            raise refusals.invalid(f"{request.type} orders must not have {name} price")
    trails = (request.trail_price is not None) + (request.trail_percent is not None)
    if trails != (1 if request.type is OrderType.TRAILING_STOP else 0):
        raise refusals.invalid("trailing_stop orders, and no others, take one of trail_price and trail_percent")
    if request.trail_percent is not None and not 0 < request.trail_percent < 100:
        raise refusals.invalid(f"trail_percent must be above 0 and below 100, was {text(request.trail_percent)}")
    if request.type not in (OrderType.MARKET, OrderType.LIMIT) and request.time_in_force not in (
        TimeInForce.DAY,
        TimeInForce.GTC,
    ):
        raise refusals.invalid(f"{request.type} orders must be DAY or GTC orders")
