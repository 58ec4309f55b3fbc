"""Reading an order request: what Alpaca checks before it looks at the account."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from math import gcd
from typing import Any, TypeVar

from functions.backtest.orders import Change, OrderType, Side, TimeInForce
from functions.core.errors import BadInput
from functions.core.instruments import symbol_kind
from functions.core.money import text
from local.simulators.alpaca import refusals
from local.simulators.alpaca.wire import optional_decimal, optional_text
from local.simulators.venue.desk_request import DeskRequest, Effect, GroupRequest, RequestLeg

_Choice = TypeVar("_Choice", bound=StrEnum)
_LONGEST_CLIENT_ORDER_ID = 128
_MOST_QUANTITY_PLACES = 9
_INTENTS = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
_FEWEST_LEGS, _MOST_LEGS = 2, 4


def read_order(values: Mapping[str, Any]) -> DeskRequest | GroupRequest:
    """Raises Refusal 422 for what is missing, malformed or not offered."""
    match optional_text(values, "order_class"):
        case None | "" | "simple":
            return _simple(values)
        case "mleg":
            return _several_legs(values)
        case "bracket":
            return _with_exits(values, "bracket")
        case "oto":
            return _with_exits(values, "oto")
        case "oco":
            return _pair(values)
        case order_class:
            raise refusals.invalid(f"invalid order_class {order_class!r}")


def read_change(values: Mapping[str, Any], *, several_legs: bool) -> tuple[Change, str | None]:
    """What a replace changes, and the new order's client order id. `trail` is returned as a trail price.

    Raises Refusal 422.
    """
    quantity = _quantity(values)
    if quantity is not None and quantity != quantity.to_integral_value():
        raise refusals.invalid(f"qty must be whole shares in a replace, was {text(quantity)}")
    change = Change(
        quantity=quantity,
        limit=_net_price(values) if several_legs else _price(values, "limit_price"),
        stop=_price(values, "stop_price"),
        trail_price=optional_decimal(values, "trail"),
        time_in_force=_choice(TimeInForce, values, "time_in_force") if values.get("time_in_force") else None,
    )
    if change == Change():
        raise refusals.missing("at least one of qty, limit_price, stop_price, trail, time_in_force is required")
    return change, _client_order_id(values)


def market_close(symbol: str, side: Side, quantity: Decimal) -> DeskRequest:
    """What DELETE of a position sends."""
    return DeskRequest(
        legs=(RequestLeg(symbol, side, "close"),),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=quantity,
    )


def _simple(values: Mapping[str, Any]) -> DeskRequest:
    symbol = optional_text(values, "symbol")
    if not symbol:
        raise refusals.missing("symbol is required")
    side = _choice(Side, values, "side")
    request = DeskRequest(
        legs=(RequestLeg(symbol, side, _effect(values, side)),),
        type=_choice(OrderType, values, "type"),
        time_in_force=_choice(TimeInForce, values, "time_in_force"),
        quantity=_quantity(values),
        notional=optional_decimal(values, "notional"),
        limit=_price(values, "limit_price"),
        stop=_price(values, "stop_price"),
        trail_price=_price(values, "trail_price"),
        trail_percent=optional_decimal(values, "trail_percent"),
        client_order_id=_client_order_id(values),
        extras={"extended_hours": values.get("extended_hours") is True},
    )
    _check_amount(request)
    _check_prices(request)
    if is_option(symbol):
        _check_option(request)
    return request


def _several_legs(values: Mapping[str, Any]) -> DeskRequest:
    if values.get("symbol") or values.get("side"):
        raise refusals.invalid("symbol and side must not be set for mleg orders")
    rows = values.get("legs")
    if not isinstance(rows, list) or not _FEWEST_LEGS <= len(rows) <= _MOST_LEGS:
        raise refusals.invalid(f"mleg orders take {_FEWEST_LEGS} to {_MOST_LEGS} legs")
    legs = tuple(_leg(row) for row in rows)
    if gcd(*(leg.ratio for leg in legs)) != 1:
        raise refusals.invalid("leg ratio quantities should be relatively prime")
    request = DeskRequest(
        legs=legs,
        type=_choice(OrderType, values, "type"),
        time_in_force=_choice(TimeInForce, values, "time_in_force"),
        quantity=_quantity(values),
        limit=_net_price(values),
        client_order_id=_client_order_id(values),
    )
    if request.type not in (OrderType.MARKET, OrderType.LIMIT):
        raise refusals.invalid("mleg orders must be market or limit orders")
    if (request.type is OrderType.LIMIT) != (request.limit is not None):
        raise refusals.missing("limit orders, and no others, require limit price")
    _check_option(request)
    return request


def _leg(row: object) -> RequestLeg:
    if not isinstance(row, Mapping):
        raise refusals.invalid("each leg must be an object")
    symbol = optional_text(row, "symbol")
    if not symbol:
        raise refusals.missing("legs need a symbol")
    ratio = optional_decimal(row, "ratio_qty")
    if ratio is None or ratio < 1 or ratio != ratio.to_integral_value():
        raise refusals.invalid(f"ratio_qty must be a whole number above zero, was {row.get('ratio_qty')!r}")
    side = _choice(Side, row, "side")
    return RequestLeg(symbol, side, _effect(row, side), int(ratio))


def _with_exits(values: Mapping[str, Any], kind: Any) -> GroupRequest:
    parent = _simple({**values, "order_class": ""})
    _check_exits(parent)
    exit_side = Side.SELL if parent.side is Side.BUY else Side.BUY
    exits = _exits(values, parent, exit_side)
    if len(exits) != (2 if kind == "bracket" else 1):
        needs = "take_profit.limit_price and stop_loss.stop_price" if kind == "bracket" else "one exit"
        raise refusals.invalid(f"{kind} orders require {needs}")
    return GroupRequest(kind=kind, parent=parent, children=exits)


def _pair(values: Mapping[str, Any]) -> GroupRequest:
    """Alpaca's OCO is a limit order, the target, that carries the stop as its leg."""
    if values.get("type") != "limit":
        raise refusals.invalid("oco orders must be limit orders")
    take_profit = values.get("take_profit")
    price = take_profit.get("limit_price") if isinstance(take_profit, Mapping) else None
    target = _simple({**values, "order_class": "", "limit_price": price or values.get("limit_price")})
    _check_exits(target)
    exits = _exits(values, target, target.side)
    if len(exits) != 2:
        raise refusals.invalid("oco orders require take_profit.limit_price and stop_loss.stop_price")
    return GroupRequest(kind="oco", parent=None, children=(target, exits[1]))


def _exits(values: Mapping[str, Any], order: DeskRequest, side: Side) -> tuple[DeskRequest, ...]:
    found: list[DeskRequest] = []
    target, stop = values.get("take_profit"), values.get("stop_loss")
    leg = (RequestLeg(order.symbol, side, "close"),)
    if isinstance(target, Mapping) and target:
        limit = _price(target, "limit_price")
        if limit is None:
            raise refusals.missing("take_profit.limit_price is required")
        found.append(_exit(leg, OrderType.LIMIT, order, limit=limit, stop=None))
    if isinstance(stop, Mapping) and stop:
        limit, trigger = _price(stop, "limit_price"), _price(stop, "stop_price")
        if trigger is None:
            raise refusals.missing("stop_loss.stop_price is required")
        kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
        found.append(_exit(leg, kind, order, limit=limit, stop=trigger))
    limits = [one.limit for one in found if one.type is OrderType.LIMIT and one.limit is not None]
    stops = [one.stop for one in found if one.stop is not None]
    if limits and stops and (limits[0] > stops[0]) != (side is Side.SELL):
        raise refusals.invalid("take_profit.limit_price must be on the far side of stop_loss.stop_price")
    return tuple(found)


def _exit(
    legs: tuple[RequestLeg, ...], kind: OrderType, order: DeskRequest, *, limit: Decimal | None, stop: Decimal | None
) -> DeskRequest:
    return DeskRequest(
        legs=legs, type=kind, time_in_force=order.time_in_force, quantity=order.quantity, limit=limit, stop=stop
    )


def is_option(symbol: str) -> bool:
    """By the form of the symbol alone."""
    try:
        return symbol_kind(symbol) == "option"
    except BadInput:
        return False


def _effect(values: Mapping[str, Any], side: Side) -> Effect | None:
    intent = optional_text(values, "position_intent")
    if intent is None:
        return None
    if intent not in _INTENTS or not intent.startswith(side.value):
        raise refusals.invalid(f"invalid position_intent: expected one of {', '.join(_INTENTS)}, was {intent!r}")
    return "open" if intent.endswith("open") else "close"


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
    """A price: whole cents from one dollar, four places below."""
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


def _net_price(values: Mapping[str, Any]) -> Decimal | None:
    """Of several legs: positive is a debit, negative a credit."""
    price = optional_decimal(values, "limit_price")
    if price is not None and price != round(price, 2):
        raise refusals.invalid(f"invalid limit_price {text(price)}. options take at most 2 decimal places")
    return price


def _client_order_id(values: Mapping[str, Any]) -> str | None:
    given = optional_text(values, "client_order_id")
    if given is not None and len(given) > _LONGEST_CLIENT_ORDER_ID:
        raise refusals.invalid(f"client_order_id must be no more than {_LONGEST_CLIENT_ORDER_ID} characters")
    return given or None


def _check_option(request: DeskRequest) -> None:
    if request.time_in_force is not TimeInForce.DAY:
        raise refusals.invalid("options orders must be DAY orders")
    if request.quantity is None or request.quantity != request.quantity.to_integral_value():
        raise refusals.invalid("options orders must have whole qty")
    if request.type is OrderType.TRAILING_STOP:
        raise refusals.invalid("options orders must not be trailing_stop orders")
    if request.extras.get("extended_hours"):
        raise refusals.invalid("options orders are not eligible for extended hours")


def _check_exits(order: DeskRequest) -> None:
    if is_option(order.symbol):
        raise refusals.invalid("complex orders not supported for options trading")
    if order.time_in_force not in (TimeInForce.DAY, TimeInForce.GTC):
        raise refusals.invalid("complex orders must be DAY or GTC orders")
    if order.quantity is None or order.quantity != order.quantity.to_integral_value():
        raise refusals.invalid("fractional orders must be simple orders")


def _check_amount(request: DeskRequest) -> None:
    if (request.quantity is None) == (request.notional is None):
        raise refusals.missing("exactly one of qty and notional is required")
    if request.notional is not None and request.notional <= 0:
        raise refusals.invalid(f"notional must be > 0, was {text(request.notional)}")
    fractional = request.notional is not None or request.quantity != round(request.quantity or Decimal(0))
    if fractional and request.time_in_force is not TimeInForce.DAY:
        raise refusals.invalid("fractional orders must be DAY orders")
    if request.notional is not None and request.type is not OrderType.MARKET:
        raise refusals.invalid("notional orders must be market orders in this simulator")
    extended = request.extras.get("extended_hours")
    if extended and (request.type, request.time_in_force) != (OrderType.LIMIT, TimeInForce.DAY):
        raise refusals.invalid("extended hours order must be DAY limit orders")


def _check_prices(request: DeskRequest) -> None:
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
