"""What the broker says no with: a status and a JSON body, as Alpaca words them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from functions.core.money import text
from local.simulators.venue.refusal import DeskRefusal


class Refusal(Exception):
    """Ends a request with `status` and the JSON `body`."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def _coded(status: int, code: int, message: str, **more: Any) -> Refusal:
    return Refusal(status, {"code": code, "message": message, **more})


def malformed(message: str) -> Refusal:
    return _coded(400, 40010000, message)


def unauthorized() -> Refusal:
    return _coded(401, 40110000, "request is not authorized")


def no_trading() -> Refusal:
    return _coded(403, 40310000, "this key reads market data only")


def missing(message: str) -> Refusal:
    return _coded(422, 40010001, message)


def duplicate_client_order_id() -> Refusal:
    return _coded(422, 40010001, "client_order_id must be unique")


def invalid(message: str) -> Refusal:
    return _coded(422, 42210000, message)


def not_found(message: str) -> Refusal:
    return _coded(404, 40410000, message)


def forbidden(message: str) -> Refusal:
    return _coded(403, 40310000, message)


def insufficient_buying_power(available: Decimal, cost: Decimal) -> Refusal:
    return _coded(403, 40310000, "insufficient buying power", buying_power=text(available), cost_basis=text(cost))


def insufficient_quantity(
    symbol: str, *, requested: Decimal, existing: Decimal, held: Decimal, related: list[str]
) -> Refusal:
    available = existing - held
    return _coded(
        403,
        40310000,
        f"insufficient qty available for order (requested: {text(requested)}, available: {text(available)})",
        available=text(available),
        existing_qty=text(existing),
        held_for_orders=text(held),
        related_orders=related,
        symbol=symbol,
    )


def bad_data_request(message: str) -> Refusal:
    """The data API words its errors without a code."""
    return Refusal(400, {"message": message})


def of_desk(refusal: DeskRefusal) -> Refusal:
    """What the desk refuses, in Alpaca's words and numbers."""
    numbers, symbol = refusal.numbers, refusal.symbol or ""
    match refusal.reason:
        case "duplicate_client_order_id":
            return duplicate_client_order_id()
        case "insufficient_buying_power" | "unsettled_cash":
            return insufficient_buying_power(numbers["available"], numbers["cost"])
        case "insufficient_quantity":
            return insufficient_quantity(
                symbol,
                requested=numbers["requested"],
                existing=numbers["existing"],
                held=numbers["held"],
                related=list(refusal.related),
            )
        case "not_found":
            return not_found(refusal.text)
        case "no_position":
            return forbidden(f"position intent mismatch or no position: {refusal.text}")
        case "wash_trade":
            return _coded(
                403,
                40310000,
                "potential wash trade detected. use complex orders",
                existing_order_id=(refusal.related or ("",))[0],
                reject_reason="opposite side market/stop order exists",
            )
        case "options_level":
            return forbidden("account not eligible to trade this option order")
        case "uncovered":
            return forbidden("account not eligible to trade uncovered option contracts")
        case "trading_blocked" | "closing_only" | "shorting_not_allowed" | "fractional_short" | "cannot_exercise":
            return forbidden(refusal.text)
        case _:
            return invalid(refusal.text)
