"""Who may call which route, and what becomes of it: a row for every route of the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Route:
    """What the matrix needs of a route.

    `table` is where the row of A stands whose id is written for `{id}` in path and body; `{trades}` there is the
    id of A's row in that table. `scopes`: a program's key needs one of them; none: only a person comes in. `desk`: who
    views A's desk reads the row, and acts on nothing. `administered`: an administrator sees or does it, too. `missing`
    is the status where there is no such row.
    """

    scopes: tuple[str, ...] = ()
    table: str | None = None
    body: Any = None
    path: dict[str, str] = field(default_factory=dict)
    desk: bool = True
    administered: bool = False
    missing: int = 404
    signed_in: bool = True


def _public(body: Any = None) -> Route:
    """Nobody needs to be signed in."""
    return Route(body=body, signed_in=False)


def _list(*scopes: str, administered: bool = False, **path: str) -> Route:
    """A list or a sum, where each finds their own, and what is everybody's."""
    return Route(scopes, path=path, administered=administered)


def _row(*scopes: str, table: str, desk: bool = True, **path: str) -> Route:
    """One row, which is A's."""
    return Route(scopes, table, path=path, desk=desk)


def _act(*scopes: str, table: str | None = None, body: Any = None, administered: bool = False, **path: str) -> Route:
    """Changes something of A's, or of whoever calls where no table is named. No scopes: a person only."""
    return Route(scopes, table, body, path=path, administered=administered)


def _verdict(body: Any) -> Route:
    """What would become of an order: an account that is none is part of the answer."""
    return Route(("read", "trade"), "broker_accounts", body, missing=200)


_STRATEGY = {"name": "of the matrix", "config": {}, "symbols": ["SPY"]}
_ORDER = {"broker_account_id": "{id}", "symbol": "SPY", "side": "buy", "order_type": "market", "quantity": "1"}
_SOURCE: dict[str, Any] = {"name": "of the matrix", "symbols": ["SPY"], "max_quantity": "1"}
_SOURCE_SETTINGS: dict[str, Any] = _SOURCE | {
    "strategy_id": None,
    "max_per_minute": 10,
    "networks": [],
    "templates": [],
    "enabled": True,
}

ROUTES: dict[str, Route] = {
    # strategies
    "GET /strategy-kinds": _list("read"),
    "GET /strategies": _list("read"),
    "GET /strategies/{id}": _row("read", table="strategies"),
    "GET /strategies/{id}/decisions": _row("read", table="strategies"),
    "GET /strategies/{id}/versions": _row("read", table="strategies"),
    "GET /strategies/{id}/validation": _row("read", table="strategies"),
    "GET /strategies/{id}/deactivation": _row("read", table="strategies"),
    "POST /strategies": _act(
        "strategies", table="broker_accounts", body=_STRATEGY | {"broker_account_id": "{id}", "kind": "by_hand"}
    ),
    "PUT /strategies/{id}": _act("strategies", table="strategies", body=_STRATEGY),
    "POST /strategies/{id}/activate": _act("strategies", table="strategies", body={}),
    "POST /strategies/{id}/deactivate": _act("strategies", table="strategies", body={"then": "leave"}),
    "DELETE /strategies/{id}": _act("strategies", table="strategies"),
    # orders, trades, positions, results
    "GET /trades": _list("read"),
    "GET /trades/{id}": _row("read", table="trades"),
    "GET /positions": _list("read"),
    "GET /positions/{symbol}": _list("read", symbol="SPY"),
    "GET /exercises": _list("read"),
    "GET /exercises/{id}": _row("read", table="exercises"),
    "GET /pnl/daily": _list("read", "reports"),
    "GET /pnl/current": _list("read", "reports"),
    "POST /orders": _act("trade", table="broker_accounts", body=_ORDER),
    "POST /orders/preview": _verdict(_ORDER),
    "POST /risk/preview": _verdict(_ORDER),
    "PUT /orders/{id}": _act("trade", table="trades", body={"quantity": "2"}),
    "DELETE /orders/{id}": _act("trade", table="trades"),
    "DELETE /orders": _act("trade"),
    "POST /positions/{symbol}/close": _act(
        "trade", table="broker_accounts", body={"account": "{id}", "strategy": "{strategies}"}, symbol="SPY"
    ),
    "POST /positions/{symbol}/exercise": _act(
        "trade", table="broker_accounts", body={"account": "{id}"}, symbol="SPY131019C00170000"
    ),
    # risk
    "GET /risk/breaches": _list("read"),
    "GET /risk/blackouts": _list("read"),
    "GET /risk/exits": _list("read"),
    "GET /risk/exits/{id}": _row("read", table="position_exits"),
    "GET /risk/gates": _list("read"),
    "GET /risk/halts": _list("read"),
    "GET /risk/halts/history": _list("read"),
    "GET /risk/limits": _list("read"),
    "GET /risk/limits/{id}": _row("read", table="risk_limits"),
    "GET /risk/limits/{id}/history": _row("read", table="risk_limits"),
    "GET /risk/limit-kinds": _list("read"),
    "GET /risk/decisions": _list("read"),
    "POST /risk/blackouts": _act(
        "risk", body={"kind": "other", "symbol": "SPY", "from_date": "2030-01-02", "until_date": "2030-01-03"}
    ),
    "DELETE /risk/blackouts/{id}": _act("risk", table="blackout_dates"),
    "PUT /risk/exits": _act(
        "risk", table="broker_accounts", body={"broker_account_id": "{id}", "symbol": "SPY", "stop_price": "1"}
    ),
    "DELETE /risk/exits/{id}": _act("risk", table="position_exits"),
    "POST /risk/halts": _act(
        "risk",
        table="broker_accounts",
        body={"gate_key": "account:{id}", "mode": "no_new_entries", "reason": "matrix"},
        administered=True,
    ),
    "POST /risk/halts/{gate_key}/lift": _act(
        table="broker_accounts", body={"reason": "the matrix is done"}, gate_key="account:{id}", administered=True
    ),
    "PUT /risk/limits": _act(
        "risk",
        table="broker_accounts",
        body={"scope": "account", "scope_id": "{id}", "name": "max_order_notional", "value": "1000", "unit": "usd"},
    ),
    "DELETE /risk/limits/{id}": _act("risk", table="risk_limits"),
    # automation
    "GET /automation-sources": _list("read"),
    "GET /automation-sources/{id}": _row("read", table="automation_sources"),
    "GET /automation-sources/{id}/deliveries": _row("read", table="automation_sources"),
    "GET /automation-sources/{id}/refused": _row("read", table="automation_sources"),
    "POST /automation-sources": _act(
        table="broker_accounts", body=_SOURCE | {"broker_account_id": "{id}", "kind": "generic"}
    ),
    "POST /automation-sources/{id}/rotate": _act(table="automation_sources", body={}),
    "PUT /automation-sources/{id}": _act(table="automation_sources", body=_SOURCE_SETTINGS),
    "DELETE /automation-sources/{id}": _act(table="automation_sources"),
    # what is told
    "GET /alerts": _list("read", administered=True),
    "GET /alerts/{id}": _row("read", table="alerts"),
    "POST /alerts/{id}/acknowledge": _act("trade", "strategies", "risk", table="alerts", administered=True),
    "GET /audit": _list("read"),
    # webhooks: an address may hold a password of its owner's, so no viewer and no program sees it
    "GET /webhooks": _list(),
    "GET /webhooks/{id}": _row(table="webhook_endpoints", desk=False),
    "GET /webhooks/{id}/deliveries": _row(table="webhook_endpoints", desk=False),
    "PUT /webhooks/{id}": _act(
        table="webhook_endpoints",
        body={"name": "matrix", "url": "https://hook.example/", "events": ["trade.filled"], "enabled": True},
    ),
    "POST /webhooks/{id}/rotate": _act(table="webhook_endpoints"),
    "POST /webhooks/{id}/test": _act(table="webhook_endpoints"),
    "POST /webhooks/{id}/deliveries/{delivery_id}/redeliver": _act(
        table="webhook_endpoints", delivery_id="{webhook_deliveries}"
    ),
    "POST /webhooks": _act(body={"name": "matrix", "url": "https://hook.example/", "events": ["trade.filled"]}),
    "DELETE /webhooks/{id}": _act(table="webhook_endpoints"),
}
