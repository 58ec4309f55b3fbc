"""What the broker says no with: a status and an error body, as tastytrade words them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from functions.core.money import text
from local.simulators.venue.refusal import DeskRefusal


class Refusal(Exception):
    """Ends a request with `status` and the JSON `body`."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of several, and one warning of an order that was taken."""

    code: str
    message: str

    def json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


def coded(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, {"error": {"code": code, "message": message}})


def bad_token() -> Refusal:
    return coded(401, "token_invalid", "This token is invalid or has expired")


def revoked_grant() -> Refusal:
    """The token endpoint words its errors otherwise than the rest."""
    return Refusal(400, {"error_code": "invalid_grant", "error_description": "Grant revoked"})


def not_permitted() -> Refusal:
    return coded(403, "not_permitted", "User not permitted access")


def not_found(what: str) -> Refusal:
    return coded(404, "record_not_found", f"Couldn't find {what}")


def invalid(message: str) -> Refusal:
    """What cannot be read."""
    return coded(400, "validation_error", message)


def unprocessable(code: str, message: str) -> Refusal:
    return coded(422, code, message)


def preflight(reasons: Sequence[Reason]) -> Refusal:
    """The checks before an order is taken, each with its own code."""
    body = {
        "code": "preflight_check_failure",
        "message": "One or more preflight checks failed",
        "errors": [reason.json() for reason in reasons],
    }
    return Refusal(422, {"error": body})


def failed(code: str, message: str) -> Refusal:
    return preflight([Reason(code, message)])


_CODES: Final[dict[str, str]] = {
    "unknown_symbol": "instrument_not_found",
    "market_closed": "market_closed",
    "off_tick": "invalid_price_increment",
    "trading_blocked": "account_is_frozen",
    "closing_only": "account_is_closing_only",
    "shorting_not_allowed": "short_selling_not_permitted",
    "fractional_short": "fractional_short_selling_not_permitted",
    "options_level": "options_level_insufficient",
    "uncovered": "uncovered_options_not_permitted",
    "intent_mismatch": "cannot_open_against_existing_position",
    "no_position": "closing_with_no_position",
    "expiring_contract": "opening_expiring_option_not_permitted",
    "insufficient_quantity": "cannot_close_against_more_than_existing_position",
}


def of_desk(refusal: DeskRefusal) -> Refusal:
    """What the venue's desk refuses, as tastytrade words it."""
    numbers, symbol = refusal.numbers, refusal.symbol
    match refusal.reason:
        case "not_found":
            return not_found("order")
        case "not_cancelable":
            return cannot_cancel()
        case "not_replaceable":
            return cannot_replace()
        case "insufficient_buying_power" | "unsettled_cash":
            return margin_check_failed(numbers["available"], numbers["cost"])
        case "insufficient_quantity" if refusal.related and numbers["requested"] <= numbers["existing"]:
            said = (
                f"You already have a closing order for {symbol} which must be canceled before this order can be routed"
            )
            return failed(_CODES[refusal.reason], said)
        case reason:
            return failed(_CODES.get(reason, reason), refusal.text)


def margin_check_failed(available: Decimal, needed: Decimal) -> Refusal:
    return failed(
        "margin_check_failed",
        f"Account does not have sufficient buying power available for this order: "
        f"{text(available)} is available, {text(needed)} is needed",
    )


def cannot_cancel() -> Refusal:
    return unprocessable("cannot_update_order", "the order could not be cancelled")


def cannot_replace() -> Refusal:
    return unprocessable("cannot_update_order", "the order could not be replaced")
