"""The bodies of orders as tastytrade takes them; what it does not take is refused here, before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from math import gcd
from typing import Any, Final

from functions.brokers.errors import Unsupported
from functions.brokers.orders import BrokerOrder, OrderChange, OrderRequest, PositionIntent, Side
from functions.brokers.tastytrade_symbols import instrument_type, outside
from functions.brokers.tastytrade_wire import ACTIONS, NOTIONAL, ORDER_TYPES, TIMES_IN_FORCE
from functions.core.instruments import symbol_kind
from functions.core.money import text

_SOURCE: Final = "agenttrader"
_TYPES: Final = {"bracket": "OTOCO", "oto": "OTO", "oco": "OCO"}
_CLOSING: Final[dict[str, PositionIntent]] = {"buy": "buy_to_close", "sell": "sell_to_close"}


def check(order: OrderRequest) -> None:
    """Raises Unsupported for a combination that tastytrade refuses whatever the account and the market are."""
    kinds = {symbol_kind(leg.symbol) for leg in order.legs} or {symbol_kind(order.symbol)}
    if kinds - {"stock", "option"}:
        raise Unsupported("UNSUPPORTED_ASSET", f"tastytrade is spoken to about shares and options, was {order.symbol}")
    if order.legs and kinds != {"option"}:
        raise Unsupported("UNSUPPORTED_LEGS", "tastytrade takes several legs of options only")
    if order.legs and order.order_class != "multi_leg":
        raise Unsupported("UNSUPPORTED_LEGS", f"tastytrade takes no legs in an order of class {order.order_class}")
    if order.order_class == "multi_leg":
        _check_legs(order)
    if order.legs and order.order_type != "limit":
        raise Unsupported("UNSUPPORTED_ORDER_TYPE", "tastytrade takes several legs with a limit price only")
    if order.order_type == "market" and order.time_in_force == "gtc" and order.order_class != "oco":
        raise Unsupported("UNSUPPORTED_TIME_IN_FORCE", "tastytrade takes a market order for the day only")
    opens = order.position_intent.endswith("open") or order.order_class in ("bracket", "oto")
    if order.order_type == "stop" and order.time_in_force == "gtc" and opens and order.order_class != "oco":
        raise Unsupported("UNSUPPORTED_TIME_IN_FORCE", "tastytrade takes a stop that opens for the day only")
    if order.notional is not None and (order.order_type != "market" or kinds != {"stock"}):
        raise Unsupported("UNSUPPORTED_NOTIONAL", "tastytrade takes an amount of dollars of shares at market only")
    if order.notional is not None and order.order_class != "simple":
        raise Unsupported("UNSUPPORTED_NOTIONAL", "tastytrade takes an amount of dollars in a simple order only")
    if kinds == {"option"} and order.quantity is not None and order.quantity != order.quantity.to_integral_value():
        raise Unsupported("UNSUPPORTED_FRACTION", f"tastytrade takes whole contracts, was {order.quantity}")


def _check_legs(order: OrderRequest) -> None:
    """Raises Unsupported for legs of which the broker's answer would not tell the units again."""
    if len(order.legs) < 2 or len({leg.symbol for leg in order.legs}) != len(order.legs):
        raise Unsupported("UNSUPPORTED_LEGS", "an order of several legs has two to four, each of another contract")
    if min(leg.ratio for leg in order.legs) < 1 or gcd(*(leg.ratio for leg in order.legs)) != 1:
        raise Unsupported("UNSUPPORTED_LEGS", "the ratios of the legs must be in lowest terms")


def is_complex(order: OrderRequest) -> bool:
    """Whether it goes to the complex orders."""
    return order.order_class in _TYPES


def body(order: OrderRequest) -> dict[str, Any]:
    """A simple order, or one of several legs. Raises Unsupported, BadInput BAD_SYMBOL."""
    if order.legs:
        # The quantity counts units; each leg says its contracts.
        units = order.quantity or Decimal(0)
        legs = [_leg(leg.symbol, leg.position_intent, units * leg.ratio) for leg in order.legs]
    else:
        legs = [_leg(order.symbol, order.position_intent, order.quantity)]
    found = _frame(order.order_type, order.time_in_force, order.client_order_id) | {"legs": legs}
    if order.notional is not None:
        effect = _effect(order.side)
        found |= {"order-type": NOTIONAL, "value": text(order.notional), "value-effect": effect}
    return found | _prices(order.side, order.limit_price, order.stop_price, several=bool(order.legs))


def complex_body(order: OrderRequest) -> dict[str, Any]:
    """A bracket, OTO or OCO. The parts have names of their own: a name is looked for, and must find one order.

    Raises Unsupported, BadInput BAD_SYMBOL.
    """
    exit_side: Side = order.side if order.order_class == "oco" else ("sell" if order.side == "buy" else "buy")
    target, stop = order.take_profit, order.stop_loss
    both = target is not None and stop is not None
    if (target is None and stop is None) or both != (order.order_class != "oto"):
        raise Unsupported("UNSUPPORTED_ORDER_CLASS", f"an {order.order_class} needs its target, its stop, or both")
    # The exits outlive the day of the entry wherever the entry may.
    exits: list[dict[str, Any]] = []
    if target is not None:
        name = order.client_order_id if order.order_class == "oco" else f"{order.client_order_id}:target"
        exits.append(_exit(order, exit_side, "limit", name, target.limit_price, None))
    if stop is not None:
        kind = "stop" if stop.limit_price is None else "stop_limit"
        name = f"{order.client_order_id}:stop"
        exits.append(_exit(order, exit_side, kind, name, stop.limit_price, stop.stop_price))
    found: dict[str, Any] = {"type": _TYPES[order.order_class], "source": _SOURCE, "orders": exits}
    return found if order.order_class == "oco" else found | {"trigger-order": body(order)}


def change_body(old: BrokerOrder, change: OrderChange) -> dict[str, Any]:
    """What a replacement is sent as: an order without its legs, whose type and quantity stay. Raises Unsupported."""
    if change.quantity != old.quantity:
        raise Unsupported(
            "UNSUPPORTED_QUANTITY",
            f"tastytrade replaces at the same quantity only: {old.quantity}, not {change.quantity}",
        )
    if change.trail_price is not None or change.trail_percent is not None:
        raise Unsupported("UNSUPPORTED_ORDER_TYPE", "tastytrade has no trailing_stop order")
    if old.order_type not in ORDER_TYPES:
        raise Unsupported("UNSUPPORTED_ORDER_TYPE", f"a {old.order_type} order is not replaced from here")
    time_in_force = change.time_in_force or old.time_in_force or "day"
    if time_in_force not in TIMES_IN_FORCE:
        raise Unsupported("UNSUPPORTED_TIME_IN_FORCE", f"tastytrade has no time in force {time_in_force}")
    limit = old.limit_price if change.limit_price is None else change.limit_price
    stop = old.stop_price if change.stop_price is None else change.stop_price
    prices = _prices(old.side, limit, stop, several=bool(old.legs))
    return _frame(old.order_type, time_in_force, change.client_order_id) | prices


def _frame(order_type: str, time_in_force: str, client_order_id: str) -> dict[str, Any]:
    return {
        "order-type": ORDER_TYPES[order_type],
        "time-in-force": TIMES_IN_FORCE[time_in_force],
        "source": _SOURCE,
        "external-identifier": client_order_id,
        # Without it a close whose position is gone, or not yet booked, would silently open one.
        "advanced-instructions": {"strict-position-effect-validation": True},
    }


def _exit(
    order: OrderRequest, side: Side, kind: str, name: str, limit: Decimal | None, stop: Decimal | None
) -> dict[str, Any]:
    time_in_force = "gtc" if order.time_in_force == "gtc" else "day"
    leg = _leg(order.symbol, _CLOSING[side], order.quantity)
    return _frame(kind, time_in_force, name) | {"legs": [leg]} | _prices(side, limit, stop, several=False)


def _leg(symbol: str, intent: str, quantity: Decimal | None) -> dict[str, Any]:
    if intent not in ACTIONS:
        raise Unsupported("UNSUPPORTED_INTENT", f"tastytrade asks whether a leg opens or closes, was {intent}")
    found: dict[str, Any] = {
        "instrument-type": instrument_type(symbol),
        "symbol": outside(symbol),
        "action": ACTIONS[intent],
    }
    if quantity is not None:
        found["quantity"] = int(quantity) if quantity == quantity.to_integral_value() else text(quantity)
    return found


def _prices(side: Side, limit: Decimal | None, stop: Decimal | None, *, several: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    if limit is not None:
        found["price"] = text(abs(limit) if several else limit)
        if limit:
            # Nothing is paid at zero, so nobody pays it.
            found["price-effect"] = ("Debit" if limit > 0 else "Credit") if several else _effect(side)
    if stop is not None:
        found["stop-trigger"] = text(stop)
    return found


def _effect(side: Side) -> str:
    return "Debit" if side == "buy" else "Credit"
