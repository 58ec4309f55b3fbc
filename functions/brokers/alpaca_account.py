"""Alpaca's account and positions as our shapes, read tolerantly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.brokers.errors import BadResponse
from functions.brokers.holdings import AccountRules, AccountSnapshot, BrokerPosition
from functions.brokers.reading import mapping, number, optional, words

_PAPER = "PA"
_BLOCKS = ("account_blocked", "trading_blocked", "trade_suspended_by_user")


def account(answer: object) -> AccountSnapshot:
    """Cash and equity are required; the rest may be absent. Alpaca does not say what of the cash is settled.

    Raises BadResponse.
    """
    row = mapping(answer)
    return AccountSnapshot(
        cash=number(row, "cash"),
        equity=number(row, "equity"),
        buying_power=optional(row, "buying_power"),
        options_buying_power=optional(row, "options_buying_power"),
        margin_requirement=optional(row, "maintenance_margin"),
    )


def rules(answer: object) -> AccountRules:
    """Who the account is: the number of a paper account begins with PA. What is absent is not allowed.

    Raises BadResponse.
    """
    row = mapping(answer)
    account_number, status = words(row, "account_number"), words(row, "status")
    multiplier = optional(row, "multiplier")
    level = optional(row, "options_trading_level")
    if level is None:
        level = optional(row, "options_approved_level")
    blocks = [name for name in _BLOCKS if row.get(name) is True]
    if status != "ACTIVE":
        blocks.insert(0, f"status {status}")
    is_margin = None if multiplier is None else multiplier > 1
    return AccountRules(
        account_number=account_number,
        is_paper=account_number.startswith(_PAPER),
        is_margin=is_margin,
        options_level=0 if level is None else int(level),
        may_short=row.get("shorting_enabled") is True and is_margin is not False,
        closing_only=_liquidates_only(row),
        blocked=", ".join(blocks) or None,
    )


def _liquidates_only(row: Mapping[str, Any]) -> bool:
    configured = row.get("admin_configurations")
    reasons = configured.get("restrict_to_liquidation_reasons") if isinstance(configured, Mapping) else None
    return any(reasons.values()) if isinstance(reasons, Mapping) else bool(reasons)


def position(answer: object) -> BrokerPosition:
    """A position; a short one comes with a negative quantity, or a positive one and side=short. Raises BadResponse."""
    row = mapping(answer)
    quantity, held = number(row, "qty"), row.get("side")
    if held not in ("long", "short", None) or (held == "long" and quantity < 0):
        raise BadResponse(f"expected side long or short to fit the quantity {quantity}, was {held!r}", row)
    signed = -abs(quantity) if held == "short" else quantity
    available = optional(row, "qty_available")
    return BrokerPosition(
        symbol=words(row, "symbol"),
        quantity=signed,
        average_entry_price=number(row, "avg_entry_price"),
        mark=optional(row, "current_price"),
        available=None if available is None else abs(available).copy_sign(signed),
    )
