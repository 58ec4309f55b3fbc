"""Limits of a desk with their further numbers, and orders and exits at times of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.integration.ledger.desk import NOON, Desk


def protect(desk: Desk, name: str = "cooldown", value: str = "60", scope: str = "account", **parameters: str) -> None:
    unit = desk.ledger.one("select unit from public.risk_limit_kinds where name = %s", name)
    scope_id = {"account": desk.account, "user": desk.user, "strategy": desk.strategy}[scope]
    said = {"p_scope": scope, "p_scope_id": scope_id, "p_name": name, "p_value": value, "p_unit": unit}
    desk.ledger.call("set_limit", "authenticated", desk.user, **said, p_parameters=parameters)


def judged(desk: Desk, minutes: float, **more: Any) -> UUID:
    """An order to be judged, so many minutes after noon."""
    order: dict[str, Any] = {
        "symbol": "SPY",
        "side": "buy",
        "position_intent": "buy_to_open",
        "quantity": "1",
        "number": 1,
    } | more
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    (trade,) = desk.decide(
        {"strategy_id": str(desk.strategy), "bar_at": at, "reason": "a test says so", "orders": [order]},
        symbol="SPY",
    )
    return UUID(trade)


def exit_by(desk: Desk, order: str, price: str, minutes: float, quantity: str = "100", **more: Any) -> None:
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    desk.fill(order, quantity, price, **{"side": "sell", "executed_at": at} | more)
