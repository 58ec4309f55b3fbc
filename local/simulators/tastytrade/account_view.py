"""How accounts, balances and positions look on the wire: money and quantities as text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from functions.core.money import divided, text
from local.simulators.alpaca import checks
from local.simulators.tastytrade import symbols
from local.simulators.tastytrade.desk import Desk
from local.simulators.tastytrade.holdings import Shown
from local.simulators.tastytrade.wire import NEW_YORK, instant, millis, money, signed

_HALF: Final = Decimal("0.5")
_MAINTENANCE: Final = Decimal("0.25")
_ZEROS: Final = (
    "long-futures-value",
    "short-futures-value",
    "long-futures-derivative-value",
    "short-futures-derivative-value",
    "futures-margin-requirement",
    "maintenance-call-value",
    "reg-t-call-value",
    "day-trading-call-value",
    "day-equity-call-value",
    "long-cryptocurrency-value",
    "short-cryptocurrency-value",
    "cryptocurrency-margin-requirement",
    "unsettled-cryptocurrency-fiat-amount",
    "closed-loop-available-balance",
    "equity-offering-margin-requirement",
    "long-bond-value",
    "bond-margin-requirement",
    "futures-overnight-margin-requirement",
    "futures-intraday-margin-requirement",
    "pending-margin-interest",
    "effective-cryptocurrency-buying-power",
)


def today_of(desk: Desk) -> date:
    """The day in New York."""
    return desk.now().astimezone(NEW_YORK).date()


def multiplier(symbol: str) -> int:
    return 1 if symbols.contract(symbol) is None else 100


def account(desk: Desk, opened_at: datetime) -> dict[str, Any]:
    """The account as the customer's list has it."""
    return {
        "account-number": desk.number,
        "external-id": desk.number,
        "opened-at": instant(opened_at),
        "nickname": "Individual",
        "account-type-name": "Individual",
        "day-trader-status": False,
        "is-closed": False,
        "is-firm-error": False,
        "is-firm-proprietary": False,
        "is-futures-approved": False,
        "is-test-drive": False,
        "margin-or-cash": "Cash" if desk.settings.multiplier == 1 else "Margin",
        "is-foreign": False,
        "funding-date": opened_at.date().isoformat(),
        "investment-objective": "SPECULATION",
        "suitable-options-level": "No Restrictions",
        "created-at": instant(opened_at),
    }


def trading_status(desk: Desk, opened_at: datetime) -> dict[str, Any]:
    flags = (
        *("has-intraday-equities-margin", "is-aggregated-at-clearing", "is-closed", "is-closing-only"),
        *("is-cryptocurrency-closing-only", "is-cryptocurrency-enabled", "is-frozen"),
        *("is-full-equity-margin-required", "is-futures-closing-only", "is-futures-intra-day-enabled"),
        *("is-futures-enabled", "is-in-day-trade-equity-maintenance-call", "is-in-margin-call"),
        *("is-pattern-day-trader", "is-portfolio-margin-enabled", "is-risk-reducing-only"),
        *("is-small-notional-futures-intra-day-enabled", "is-roll-the-day-forward-enabled"),
        *("are-far-otm-net-options-restricted", "is-equity-offering-enabled", "is-equity-offering-closing-only"),
    )
    return {
        **dict.fromkeys(flags, False),
        "account-number": desk.number,
        "id": 1,
        "equities-margin-calculation-type": "Reg T",
        "fee-schedule-name": "default",
        "futures-margin-rate-multiplier": "0.0",
        "small-notional-futures-margin-rate-multiplier": "0.0",
        "day-trade-count": 0,
        "options-level": "No Restrictions",
        "short-calls-enabled": desk.settings.shorting,
        "updated-at": instant(opened_at),
    }


def balance(desk: Desk) -> dict[str, Any]:
    """Every field that the SDK's model demands; all amounts without sign but the values of short positions."""
    book, prices = desk.book, desk.prices
    values = {position.symbol: book.value(position, prices) for position in book.positions()}
    stocks = {symbol: value for symbol, value in values.items() if symbols.contract(symbol) is None}
    options = {symbol: value for symbol, value in values.items() if symbol not in stocks}
    long, short = _sides(stocks)
    long_options, short_options = _sides(options)
    equity = book.equity(prices)
    exposure = book.exposure(prices)
    power = checks.buying_power(book, desk.venue_open_orders(), prices)
    free = divided(power, desk.settings.multiplier)
    requirement = exposure * _HALF
    now = desk.now()
    return {
        **dict.fromkeys(_ZEROS, "0.0"),
        "account-number": desk.number,
        "currency": "USD",
        "cash-balance": money(book.cash),
        "long-equity-value": money(long),
        "short-equity-value": money(short),
        "long-derivative-value": money(long_options),
        "short-derivative-value": money(short_options),
        "long-margineable-value": money(long),
        "short-margineable-value": money(short),
        "margin-equity": money(equity),
        "equity-buying-power": money(power),
        "derivative-buying-power": money(free),
        "day-trading-buying-power": "0.0",
        "available-trading-funds": money(free),
        "maintenance-requirement": money(exposure * _MAINTENANCE),
        "net-liquidating-value": money(equity),
        "cash-available-to-withdraw": money(max(min(book.cash, free), Decimal(0))),
        "day-trade-excess": money(free),
        **signed("pending-cash", Decimal(0)),
        "unsettled-cryptocurrency-fiat-effect": "None",
        "snapshot-date": today_of(desk).isoformat(),
        "reg-t-margin-requirement": money(requirement),
        "maintenance-excess": money(equity - exposure * _MAINTENANCE),
        "used-derivative-buying-power": money(requirement),
        **signed("buying-power-adjustment", Decimal(0)),
        "time-of-day": "BOD" if now.astimezone(NEW_YORK).time() < time(12) else "EOD",
        "updated-at": instant(now),
    }


def margin(desk: Desk) -> dict[str, Any]:
    """The margin report, one group per underlying."""
    book, prices = desk.book, desk.prices
    shown = balance(desk)
    groups: dict[str, Decimal] = {}
    for held in book.positions():
        name = symbols.underlying(held.symbol)
        groups[name] = groups.get(name, Decimal(0)) + abs(book.value(held, prices))
    requirement = book.exposure(prices) * _HALF
    maintenance = book.exposure(prices) * _MAINTENANCE
    power = Decimal(shown["derivative-buying-power"])
    return {
        "account-number": desk.number,
        "description": "Total",
        "margin-calculation-type": "Reg T",
        "option-level": "No Restrictions",
        **signed("margin-requirement", -requirement),
        **signed("initial-requirement", -requirement),
        **signed("maintenance-requirement", -maintenance),
        **signed("margin-equity", book.equity(prices)),
        **signed("option-buying-power", power),
        **signed("reg-t-margin-requirement", -requirement),
        **signed("reg-t-option-buying-power", power),
        **signed("maintenance-excess", book.equity(prices) - maintenance),
        "groups": [_margin_group(name, value) for name, value in sorted(groups.items())],
        "last-state-timestamp": millis(desk.now()),
    }


def _margin_group(name: str, value: Decimal) -> dict[str, Any]:
    return {
        "description": name,
        "code": name,
        "underlying-symbol": name,
        "underlying-type": "Equity",
        "margin-calculation-type": "Reg T",
        **signed("margin-requirement", -value * _HALF),
        **signed("initial-requirement", -value * _HALF),
        **signed("maintenance-requirement", -value * _MAINTENANCE),
        **signed("buying-power", -value * _HALF),
        "groups": [],
    }


def position(desk: Desk, shown: Shown, *, with_mark: bool = False) -> dict[str, Any]:
    """A position: quantity without sign, direction beside it."""
    note = desk.ledger.note(shown.symbol)
    now = desk.now()
    mark = desk.prices.mark(shown.symbol)
    before = desk.prices.previous_close(shown.symbol, today_of(desk))
    direction = "Zero" if not shown.quantity else "Long" if shown.quantity > 0 else "Short"
    gain = note.gain * multiplier(shown.symbol) if note is not None else Decimal(0)
    row: dict[str, Any] = {
        "account-number": desk.number,
        "symbol": symbols.outside(shown.symbol),
        "instrument-type": symbols.instrument_type(shown.symbol),
        "underlying-symbol": symbols.underlying(shown.symbol),
        "quantity": text(abs(shown.quantity)),
        "quantity-direction": direction,
        "close-price": money(before if before is not None else mark or shown.average),
        "average-open-price": text(shown.average),
        "average-yearly-market-close-price": text(shown.average),
        "average-daily-market-close-price": money(before if before is not None else shown.average),
        "multiplier": multiplier(shown.symbol),
        "cost-effect": "Credit" if shown.quantity > 0 else "Debit",
        "is-suppressed": False,
        "is-frozen": False,
        "restricted-quantity": "0.0",
        **signed("realized-day-gain", gain),
        "realized-day-gain-date": today_of(desk).isoformat(),
        **signed("realized-today", gain),
        "realized-today-date": today_of(desk).isoformat(),
        "created-at": instant(note.opened_at if note is not None else now),
        "updated-at": instant(note.changed_at if note is not None else now),
    }
    contract = symbols.contract(shown.symbol)
    if contract is not None:
        row["expires-at"] = instant(datetime.combine(contract.expiry, time(16), NEW_YORK).astimezone(UTC))
    if with_mark and mark is not None:
        row["mark-price"] = money(mark)
        row["mark"] = money(abs(shown.quantity) * mark * multiplier(shown.symbol))
    return row


def _sides(values: dict[str, Decimal]) -> tuple[Decimal, Decimal]:
    """Long value, and short value without sign."""
    long = sum((value for value in values.values() if value > 0), Decimal(0))
    return long, -sum((value for value in values.values() if value < 0), Decimal(0))
