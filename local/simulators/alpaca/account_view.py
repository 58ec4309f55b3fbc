"""How accounts and positions look on the wire: money and quantities as text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from functions.core.money import divided, rounded, text
from local.simulators.alpaca import checks
from local.simulators.alpaca.desk import OrderDesk
from local.simulators.alpaca.order_record import asset_id
from local.simulators.venue.clock import instant
from local.simulators.venue.positions import Position
from local.simulators.venue.prices import Prices

_HALF = Decimal("0.5")
_MAINTENANCE = Decimal("0.25")


def _cents(value: Decimal) -> str:
    return text(rounded(value, 2))


def account(desk: OrderDesk, prices: Prices, opened_at: datetime) -> dict[str, Any]:
    """The account as GET /v2/account answers it."""
    book = desk.book
    values = [book.value(position, prices) for position in book.positions()]
    exposure = book.exposure(prices)
    equity = book.equity(prices)
    power = checks.buying_power(book, desk.open_orders(), prices)
    return {
        "id": book.settings.account_id,
        "account_number": "PA" + book.settings.account_id.replace("-", "")[:10].upper(),
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "cash": text(book.cash),
        "portfolio_value": text(equity),
        "equity": text(equity),
        "last_equity": text(book.last_equity),
        "buying_power": _cents(power),
        "regt_buying_power": _cents(power),
        "non_marginable_buying_power": _cents(max(divided(power, book.settings.multiplier), Decimal(0))),
        "options_buying_power": "0",
        "options_approved_level": 0,
        "options_trading_level": 0,
        "multiplier": text(book.settings.multiplier),
        "initial_margin": _cents(exposure * _HALF),
        "maintenance_margin": _cents(exposure * _MAINTENANCE),
        "last_maintenance_margin": "0",
        "long_market_value": text(sum((value for value in values if value > 0), Decimal(0))),
        "short_market_value": text(sum((value for value in values if value < 0), Decimal(0))),
        "sma": "0",
        "accrued_fees": text(rounded(book.accrued_fees, 2)),
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "shorting_enabled": book.settings.shorting,
        "created_at": instant(opened_at),
    }


def position(desk: OrderDesk, held: Position, prices: Prices, today: date) -> dict[str, Any]:
    """A position as GET /v2/positions answers it; a short quantity is negative."""
    mark = prices.mark(held.symbol)
    value = desk.book.value(held, prices)
    gain = value - held.cost
    before = prices.previous_close(held.symbol, today)
    change = None if mark is None or not before else divided(mark - before, before)
    in_orders, _ = checks.held(desk.book, desk.open_orders(), held.symbol)
    available = abs(held.quantity) - in_orders
    return {
        "asset_id": asset_id(held.symbol),
        "symbol": held.symbol,
        "exchange": "ARCA",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "avg_entry_price": text(held.average),
        "qty": text(held.quantity),
        "qty_available": text(available if held.quantity > 0 else -available),
        "side": "long" if held.quantity > 0 else "short",
        "market_value": text(value),
        "cost_basis": text(held.cost),
        "unrealized_pl": text(gain),
        "unrealized_plpc": text(divided(gain, abs(held.cost))) if held.cost else "0",
        "unrealized_intraday_pl": text(gain),
        "unrealized_intraday_plpc": text(divided(gain, abs(held.cost))) if held.cost else "0",
        "current_price": None if mark is None else text(mark),
        "lastday_price": None if before is None else text(before),
        "change_today": None if change is None else text(change),
    }
