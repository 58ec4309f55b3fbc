"""How accounts and positions look on the wire: money and quantities as text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from functions.core.identity import named_uuid
from functions.core.money import divided, rounded, text
from local.simulators.alpaca.order_body import is_option
from local.simulators.alpaca.order_view import asset_class, asset_id
from local.simulators.venue.clock import instant
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.positions import Position

_HALF = Decimal("0.5")
_MAINTENANCE = Decimal("0.25")
_PDT_FIELDS = ("daytrade_count", "pattern_day_trader", "daytrading_buying_power")
_MOST_OPTIONS_LEVEL = 3


def _cents(value: Decimal) -> str:
    return text(rounded(value, 2))


def inner_id(account_id: str) -> str:
    """The UUID that Alpaca gives an account besides its number."""
    return account_id if _is_uuid(account_id) else str(named_uuid("alpaca", "account", account_id))


def account_number(account_id: str) -> str:
    """The number that a person knows the account by: PA and ten more for a paper account."""
    return f"PA{account_id.replace('-', '')[:10].upper()}" if _is_uuid(account_id) else account_id


def _is_uuid(account_id: str) -> bool:
    return "-" in account_id


def account(desk: OrderDesk, opened_at: datetime, *, without_pdt: bool = False) -> dict[str, Any]:
    """The account as GET /v2/account answers it."""
    ledger = desk.ledger
    settings = ledger.settings
    values = [ledger.value(position) for position in ledger.positions()]
    exposure, equity, power = ledger.exposure(), ledger.equity(), desk.buying_power()
    options = sum((one.amount for one in ledger.option_requirement().values()), Decimal(0))
    level = min(settings.options_level, _MOST_OPTIONS_LEVEL)
    unlevered = max(divided(power, settings.multiplier), Decimal(0))
    found = {
        "id": inner_id(settings.account_id),
        "account_number": account_number(settings.account_id),
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "cash": text(ledger.cash),
        "portfolio_value": text(equity),
        "equity": text(equity),
        "last_equity": text(ledger.last_equity),
        "buying_power": _cents(power),
        "regt_buying_power": _cents(power),
        "non_marginable_buying_power": _cents(unlevered),
        "options_buying_power": _cents(unlevered),
        "options_approved_level": level,
        "options_trading_level": level,
        "multiplier": text(settings.multiplier),
        "initial_margin": _cents(exposure * _HALF + options),
        "maintenance_margin": _cents(exposure * _MAINTENANCE + options),
        "last_maintenance_margin": "0",
        "long_market_value": text(sum((value for value in values if value > 0), Decimal(0))),
        "short_market_value": text(sum((value for value in values if value < 0), Decimal(0))),
        "sma": "0",
        "accrued_fees": text(rounded(ledger.accrued_fees, 2)),
        "daytrade_count": 0,
        "pattern_day_trader": False,
        "daytrading_buying_power": "0",
        "trading_blocked": settings.blocked,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "shorting_enabled": settings.shorting,
        "admin_configurations": {"restrict_to_liquidation_reasons": {"other": True}} if settings.closing_only else {},
        "created_at": instant(opened_at),
    }
    return {name: value for name, value in found.items() if not (without_pdt and name in _PDT_FIELDS)}


def position(desk: OrderDesk, held: Position, today: date) -> dict[str, Any]:
    """A position as GET /v2/positions answers it; a short quantity is negative, option prices are per share."""
    quotes = desk.quotes
    mark, multiplier = quotes.mark(held.symbol), quotes.multiplier(held.symbol)
    value, cost = desk.ledger.value(held), held.cost * multiplier
    gain = value - cost
    before = None if is_option(held.symbol) else quotes.prices.previous_close(held.symbol, today)
    change = None if mark is None or not before else divided(mark - before, before)
    in_orders, _ = desk.held(held.symbol)
    available = abs(held.quantity) - in_orders
    return {
        "asset_id": asset_id(held.symbol),
        "symbol": held.symbol,
        "exchange": "" if is_option(held.symbol) else "ARCA",
        "asset_class": asset_class(held.symbol),
        "asset_marginable": not is_option(held.symbol),
        "avg_entry_price": text(held.average),
        "qty": text(held.quantity),
        "qty_available": text(available if held.quantity > 0 else -available),
        "side": "long" if held.quantity > 0 else "short",
        "market_value": text(value),
        "cost_basis": text(cost),
        "unrealized_pl": text(gain),
        "unrealized_plpc": text(divided(gain, abs(cost))) if cost else "0",
        "unrealized_intraday_pl": text(gain),
        "unrealized_intraday_plpc": text(divided(gain, abs(cost))) if cost else "0",
        "current_price": None if mark is None else text(mark),
        "lastday_price": None if before is None else text(before),
        "change_today": None if change is None else text(change),
    }
