"""What Alpaca is asked for: bodies of orders and changes. Numbers travel as text, which is exact.

The SDK's request models make floats of prices. What Alpaca does not take raises Unsupported before anything is sent.
"""

from __future__ import annotations

from decimal import Decimal
from math import gcd
from typing import Any

from functions.brokers.capabilities import Capabilities
from functions.brokers.errors import Unsupported
from functions.brokers.orders import OrderChange, OrderRequest
from functions.core.errors import BadInput
from functions.core.instruments import is_option, symbol_kind
from functions.core.money import text

CAPABILITIES = Capabilities(
    broker="alpaca",
    order_types=frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"}),
    times_in_force=frozenset({"day", "gtc", "ioc", "fok", "opg", "cls"}),
    order_classes=frozenset({"simple", "multi_leg", "bracket", "oco", "oto"}),
    asset_kinds=frozenset({"stock", "option"}),
    most_legs=4,
    notional=True,
    fractional=True,
    replaces_quantity=True,
    preview=False,
    extended_hours=True,
    exercise=True,
    do_not_exercise=True,
    fills_named_by="cumulative_quantity",
    deduplicates=True,
)
_WITH_EXITS = ("bracket", "oco", "oto")


def order_body(order: OrderRequest) -> dict[str, Any]:
    """The JSON body of a POST. Raises Unsupported."""
    CAPABILITIES.require(order)
    _require_asset(order)
    body: dict[str, Any] = {
        "type": order.order_type,
        "time_in_force": order.time_in_force,
        "client_order_id": order.client_order_id,
    }
    numbers = {
        "qty": order.quantity,
        "notional": order.notional,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "trail_price": order.trail_price,
        "trail_percent": order.trail_percent,
    }
    body |= {name: text(value) for name, value in numbers.items() if value is not None}
    if order.extended_hours:
        body["extended_hours"] = True
    if order.order_class == "multi_leg":
        return body | _several_legs(order)
    body |= {"symbol": order.symbol, "side": order.side}
    if is_option(order.symbol):
        # Without it Alpaca takes what its own book suggests, which may be behind.
        body["position_intent"] = order.position_intent
    if order.order_class in _WITH_EXITS:
        body |= _exits(order)
    return body


def closing_body(symbol: str, client_order_id: str, held: Decimal, quantity: Decimal | None) -> dict[str, Any]:
    """A market order that closes `quantity` (all where None) of a signed position, and never opens the other side.

    Alpaca's own call for this takes no client order id, so it could not be repeated safely.
    """
    side = "sell" if held > 0 else "buy"
    return {
        "symbol": symbol,
        "side": side,
        "qty": text(abs(held) if quantity is None else quantity),
        "type": "market",
        "time_in_force": "day",
        "client_order_id": client_order_id,
        "position_intent": f"{side}_to_close",
    }


def change_body(change: OrderChange) -> dict[str, Any]:
    """The JSON body of a PATCH. Raises Unsupported."""
    if change.quantity != change.quantity.to_integral_value():
        raise Unsupported("UNSUPPORTED_QUANTITY", f"Alpaca replaces whole shares only, was {text(change.quantity)}")
    numbers = {
        "qty": change.quantity,
        "limit_price": change.limit_price,
        "stop_price": change.stop_price,
        # One field for both kinds of trail: it means what the order has.
        "trail": change.trail_price if change.trail_price is not None else change.trail_percent,
    }
    body: dict[str, Any] = {"client_order_id": change.client_order_id}
    if change.time_in_force is not None:
        body["time_in_force"] = change.time_in_force
    return body | {name: text(value) for name, value in numbers.items() if value is not None}


def _several_legs(order: OrderRequest) -> dict[str, Any]:
    if len(order.legs) < 2 or len({leg.symbol for leg in order.legs}) != len(order.legs):
        raise Unsupported("UNSUPPORTED_LEGS", "an order of several legs has two to four, each of another contract")
    if order.order_type not in ("market", "limit"):
        raise Unsupported("UNSUPPORTED_ORDER_TYPE", "Alpaca takes several legs at market or limit only")
    if not all(is_option(leg.symbol) for leg in order.legs):
        raise Unsupported("UNSUPPORTED_LEGS", "Alpaca takes legs of options only")
    if gcd(*(leg.ratio for leg in order.legs)) != 1 or min(leg.ratio for leg in order.legs) < 1:
        raise Unsupported("UNSUPPORTED_LEGS", "the ratios of the legs must be in lowest terms")
    legs = [
        {
            "symbol": leg.symbol,
            "ratio_qty": str(leg.ratio),
            "side": leg.side,
            "position_intent": leg.position_intent,
        }
        for leg in order.legs
    ]
    return {"order_class": "mleg", "legs": legs}


def _exits(order: OrderRequest) -> dict[str, Any]:
    target, stop = order.take_profit, order.stop_loss
    if (target is None and stop is None) or (order.order_class != "oto" and (target is None or stop is None)):
        raise Unsupported("UNSUPPORTED_EXITS", f"an order of class {order.order_class} lacks its target or its stop")
    if order.order_class == "oto" and target is not None and stop is not None:
        raise Unsupported(
            "UNSUPPORTED_EXITS", "an order of class oto has a target or a stop; with both it is a bracket"
        )
    if order.time_in_force not in ("day", "gtc"):
        raise Unsupported("UNSUPPORTED_TIME_IN_FORCE", "Alpaca takes exits with day or gtc only")
    if order.quantity is None or order.quantity != order.quantity.to_integral_value():
        raise Unsupported("UNSUPPORTED_FRACTION", "Alpaca takes exits for whole shares only")
    body: dict[str, Any] = {"order_class": order.order_class}
    if order.order_class == "oco":
        # The target is the order itself, which is why Alpaca wants it to be a limit order.
        body["type"] = "limit"
    if target is not None:
        body["take_profit"] = {"limit_price": text(target.limit_price)}
    if stop is not None:
        body["stop_loss"] = {"stop_price": text(stop.stop_price)}
        if stop.limit_price is not None:
            body["stop_loss"]["limit_price"] = text(stop.limit_price)
    return body


def _require_asset(order: OrderRequest) -> None:
    for symbol in {order.symbol, *(leg.symbol for leg in order.legs)}:
        try:
            kind = symbol_kind(symbol)
        except BadInput as error:
            raise Unsupported("UNSUPPORTED_SYMBOL", error.text) from error
        if kind not in CAPABILITIES.asset_kinds:
            raise Unsupported("UNSUPPORTED_ASSET", f"Alpaca is not asked for a {kind} here, was {symbol}")
    if not is_option(order.symbol):
        return
    if order.time_in_force != "day":
        raise Unsupported("UNSUPPORTED_TIME_IN_FORCE", f"Alpaca takes options for the day, was {order.time_in_force}")
    if order.quantity is None or order.quantity != order.quantity.to_integral_value():
        raise Unsupported("UNSUPPORTED_FRACTION", "Alpaca takes whole contracts only")
    if order.order_type == "trailing_stop" or order.order_class in _WITH_EXITS:
        raise Unsupported("UNSUPPORTED_ORDER_TYPE", "Alpaca takes options without trailing stops and exits")
