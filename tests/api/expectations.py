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
    is the status where there is no such row, `refusal` the code by which even A is refused here, having come in.
    """

    scopes: tuple[str, ...] = ()
    table: str | None = None
    body: Any = None
    path: dict[str, str] = field(default_factory=dict)
    desk: bool = True
    administered: bool = False
    missing: int = 404
    refusal: str | None = None
    signed_in: bool = True


def _public(body: Any = None, refusal: str | None = None) -> Route:
    """Nobody needs to be signed in."""
    return Route(body=body, signed_in=False, refusal=refusal)


def _list(*scopes: str, administered: bool = False, **path: str) -> Route:
    """A list or a sum, where each finds their own, and what is everybody's."""
    return Route(scopes, path=path, administered=administered)


def _row(*scopes: str, table: str, desk: bool = True, **path: str) -> Route:
    """One row, which is A's."""
    return Route(scopes, table, path=path, desk=desk)


def _act(
    *scopes: str,
    table: str | None = None,
    body: Any = None,
    administered: bool = False,
    refusal: str | None = None,
    **path: str,
) -> Route:
    """Changes something of A's, or of whoever calls where no table is named. No scopes: a person only."""
    return Route(scopes, table, body, path=path, administered=administered, refusal=refusal)


def _verdict(body: Any) -> Route:
    """What would become of an order: an account that is none is part of the answer."""
    return Route(("read", "trade"), "broker_accounts", body, missing=200)


_PASSWORD = "correct horse battery 10"
_SOURCE = {"name": "of the matrix", "symbols": ["SPY"], "max_quantity": "1", "strategy_id": None, "max_per_minute": 5}
_WEBHOOK = {"name": "of the matrix", "url": "https://example.com/hook", "events": ["trade.filled"]}
_YEAR = "from=2013-01-01T00:00:00Z&until=2014-01-01T00:00:00Z"
_STRATEGY = {"name": "of the matrix", "config": {}, "symbols": ["SPY"]}
_ORDER = {"broker_account_id": "{id}", "symbol": "SPY", "side": "buy", "order_type": "market", "quantity": "1"}

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
    "PUT /trades/{id}/note": _act("trade", table="trades", body={"text": "of the matrix"}),
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
        "trade", table="broker_accounts", body={"broker_account_id": "{id}"}, symbol="SPY", refusal="NO_SUCH_POSITION"
    ),
    "POST /positions/{symbol}/exercise": _act(
        "trade", table="broker_accounts", body={"broker_account_id": "{id}"}, symbol="SPY131019C00170000"
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
        # Refused to whom it lets in: what an administrator has set its owner may not change.
        body={"scope": "account", "scope_id": "{id}", "name": "position_limit"}
        | {"value": "-1", "unit": "shares or contracts"},
        administered=True,
        # The administrator was there first.
        refusal="ADMINISTRATOR_NEEDED",
    ),
    "DELETE /risk/limits/{id}": _act("risk", table="risk_limits", refusal="ADMINISTRATOR_NEEDED"),
    # what is told
    "GET /alerts": _list("read", administered=True),
    "GET /alerts/{id}": _row("read", table="alerts"),
    "POST /alerts/{id}/acknowledge": _act("trade", "strategies", "risk", table="alerts", administered=True),
    "GET /audit": _list("read"),
    # oneself; what Auth keeps is no row of the ledger
    "POST /auth/signup": _public({"email": "matrix-another@example.com", "password": _PASSWORD}),
    "POST /auth/login": _public({"email": "matrix-nobody@example.com", "password": _PASSWORD}, "SIGN_IN_FAILED"),
    "POST /auth/refresh": _public({"refresh_token": "of nobody"}),
    "POST /auth/password-reset": _public({"email": "matrix-nobody@example.com"}),
    "POST /auth/password-reset/verify": _public({"email": "matrix-nobody@example.com", "code": "000000"}),
    "PUT /auth/password": _act(
        body={"password": _PASSWORD, "current_password": "not this one"}, refusal="CURRENT_PASSWORD_WRONG"
    ),
    "GET /auth/factors": _list(),
    "POST /auth/factors": _act(body={"name": "phone"}),
    "POST /auth/factors/{id}/verify": _act(table="auth.mfa_factors", body={"code": "000000"}),
    "DELETE /auth/factors/{id}": _act(table="auth.mfa_factors"),
    "GET /user/profile": _list(),
    "PUT /user/profile": _act(body={"display_name": "of the matrix", "time_zone": "Europe/Paris"}),
    "POST /auth/logout": _act(body={"scope": "others"}),
    # automation
    "GET /automation-sources": _list("read"),
    "GET /automation-sources/{id}": _row("read", table="automation_sources"),
    "GET /automation-sources/{id}/deliveries": _row("read", table="automation_sources"),
    "GET /automation-sources/{id}/refused": _row("read", table="automation_sources"),
    "POST /automation-sources": _act(
        table="broker_accounts", body=_SOURCE | {"broker_account_id": "{id}", "kind": "generic"}
    ),
    "PUT /automation-sources/{id}": _act(
        table="automation_sources", body=_SOURCE | {"networks": [], "enabled": True, "templates": []}
    ),
    "POST /automation-sources/{id}/rotate": _act(table="automation_sources", body={"overlap_seconds": 0}),
    "DELETE /automation-sources/{id}": _act(table="automation_sources"),
    # market data, everybody's
    "GET /market-data/quotes/{symbol}": _list("read", symbol="SPY"),
    "GET /market-data/history/{symbol}": _list("read", symbol=f"SPY?{_YEAR}"),
    "PUT /market-data/watched": _act("trade", body={"symbols": ["SPY"]}),
    "GET /watchlist": _list("read"),
    "PUT /watchlist": _act("trade", body={"symbols": ["SPY"]}),
    "GET /market-data/options/{symbol}": _list("read", symbol="SPY"),
    "GET /market-data/options/{symbol}/chain": _list("read", symbol="SPY"),
    # backtests
    "GET /backtests": _list("read"),
    "GET /backtests/{id}": _row("read", table="backtests"),
    "GET /backtests/{id}/trials": _row("read", table="backtests"),
    "POST /backtests": _act(
        "strategies",
        table="strategies",
        body={"strategy_id": "{id}", "starts_on": "2013-01-01", "ends_on": "2013-12-31"},
    ),
    "POST /backtests/{id}/cancel": _act("strategies", table="backtests"),
    # reports and statements
    "GET /reports": _list("reports", "read"),
    "GET /reports/{id}": _row("reports", "read", table="daily_pnl_reports"),
    "GET /reports/{id}/versions": _row("reports", "read", table="daily_pnl_reports"),
    "GET /reports/{id}/download": _row("reports", "read", table="daily_pnl_reports"),
    "GET /statements/activities": _list("reports", "read"),
    "GET /statements/balances": _list("reports", "read"),
    "GET /statements/cash": _list("reports", "read"),
    # accounts and keys
    "GET /broker-accounts": _list("read"),
    "GET /broker-accounts/sealing-key": _list("read"),
    "GET /broker-accounts/{id}": _row("read", table="broker_accounts"),
    "GET /broker-accounts/{id}/balance": _row("read", table="broker_accounts"),
    "GET /broker-accounts/{id}/live-confirmations": _row("read", table="broker_accounts"),
    "POST /broker-accounts": _act(body={"broker": "alpaca", "number": "PA0MATRIX"}),
    "PUT /broker-accounts/{id}": _act(table="broker_accounts", body={"label": "of the matrix"}),
    "POST /broker-accounts/{id}/verify": _act(table="broker_accounts"),
    "POST /broker-accounts/{id}/relink": _act(table="broker_accounts"),
    "POST /broker-accounts/{id}/confirm-live": _act(table="broker_accounts", body={"number": "PA0MATRIX"}),
    "POST /broker-accounts/{id}/withdraw-live": _act(table="broker_accounts"),
    "DELETE /broker-accounts/{id}": _act(table="broker_accounts", id="{id}?reason=matrix"),
    "GET /api-keys": _list(),
    "GET /api-keys/{id}": _row(table="api_keys"),
    "POST /api-keys": _act(body={"name": "of the matrix", "scopes": ["read"], "expires_at": "2027-06-01T00:00:00Z"}),
    "DELETE /api-keys/{id}": _act(table="api_keys"),
    # webhooks
    "GET /webhooks": _list(),
    "GET /webhooks/{id}": _row(table="webhook_endpoints", desk=False),
    "GET /webhooks/{id}/deliveries": _row(table="webhook_endpoints", desk=False),
    "POST /webhooks": _act(body=_WEBHOOK),
    "PUT /webhooks/{id}": _act(table="webhook_endpoints", body=_WEBHOOK | {"enabled": False}),
    "POST /webhooks/{id}/rotate": _act(table="webhook_endpoints"),
    "POST /webhooks/{id}/test": _act(table="webhook_endpoints"),
    "POST /webhooks/{id}/deliveries/{delivery_id}/redeliver": _act(
        table="webhook_endpoints", delivery_id="{webhook_deliveries}", refusal="NO_SUCH_DELIVERY"
    ),
    "DELETE /webhooks/{id}": _act(table="webhook_endpoints"),
}
