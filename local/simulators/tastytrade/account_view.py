"""How accounts, balances and positions look on the wire: money and quantities as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from functions.core.money import divided, text
from local.simulators.tastytrade import symbols
from local.simulators.tastytrade.account import TastyAccount
from local.simulators.tastytrade.ledger_view import Shown
from local.simulators.tastytrade.wire import NEW_YORK, instant, millis, money, signed
from local.simulators.venue.account_ledger import UNCOVERED_LEVEL

_HALF: Final = Decimal("0.5")
_MAINTENANCE: Final = Decimal("0.25")
_LEVELS: Final = (
    "No Options",
    "Covered And Cash Secured",
    "Long Options",
    "Defined Risk Spreads",
    "No Restrictions",
)
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


def today_of(owner: TastyAccount) -> date:
    """The day in New York."""
    return owner.now().astimezone(NEW_YORK).date()


def account(owner: TastyAccount, opened_at: datetime) -> dict[str, Any]:
    """The account as the customer's list has it."""
    return {
        "account-number": owner.number,
        "external-id": owner.number,
        "opened-at": instant(opened_at),
        "nickname": "Individual",
        "account-type-name": "Individual",
        "day-trader-status": False,
        "is-closed": False,
        "is-firm-error": False,
        "is-firm-proprietary": False,
        "is-futures-approved": False,
        "is-test-drive": False,
        "margin-or-cash": "Cash" if owner.desk.ledger.settings.multiplier == 1 else "Margin",
        "is-foreign": False,
        "funding-date": opened_at.date().isoformat(),
        "investment-objective": "SPECULATION",
        "suitable-options-level": "No Restrictions",
        "created-at": instant(opened_at),
    }


def trading_status(owner: TastyAccount, opened_at: datetime) -> dict[str, Any]:
    settings = owner.desk.ledger.settings
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
        "is-frozen": settings.blocked,
        "is-closing-only": settings.closing_only,
        "account-number": owner.number,
        "id": 1,
        "equities-margin-calculation-type": "Reg T",
        "fee-schedule-name": "default",
        "futures-margin-rate-multiplier": "0.0",
        "small-notional-futures-margin-rate-multiplier": "0.0",
        "day-trade-count": 0,
        "options-level": _LEVELS[settings.options_level],
        "short-calls-enabled": settings.options_level >= UNCOVERED_LEVEL,
        "updated-at": instant(opened_at),
    }


def balance(owner: TastyAccount) -> dict[str, Any]:
    """Every field that the SDK's model demands; all amounts without sign but the values of short positions."""
    ledger = owner.desk.ledger
    long, short = _sides([ledger.value(held) for held in ledger.share_positions()])
    long_options, short_options = _sides([ledger.value(held) for held in ledger.option_positions()])
    equity, exposure, power = ledger.equity(), ledger.exposure(), owner.desk.buying_power()
    options = sum((one.amount for one in ledger.option_requirement().values()), Decimal(0))
    free = divided(power, ledger.settings.multiplier)
    maintenance = exposure * _MAINTENANCE + options
    requirement = exposure * _HALF + options
    now = owner.now()
    return {
        **dict.fromkeys(_ZEROS, "0.0"),
        "account-number": owner.number,
        "currency": "USD",
        "cash-balance": money(ledger.cash),
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
        "maintenance-requirement": money(maintenance),
        "net-liquidating-value": money(equity),
        "cash-available-to-withdraw": money(max(min(ledger.cash, free), Decimal(0))),
        "day-trade-excess": money(free),
        **signed("pending-cash", Decimal(0)),
        "unsettled-cryptocurrency-fiat-effect": "None",
        "snapshot-date": today_of(owner).isoformat(),
        "reg-t-margin-requirement": money(requirement),
        "maintenance-excess": money(equity - maintenance),
        "used-derivative-buying-power": money(requirement),
        **signed("buying-power-adjustment", Decimal(0)),
        "time-of-day": "BOD" if now.astimezone(NEW_YORK).time() < time(12) else "EOD",
        "updated-at": instant(now),
    }


def margin(owner: TastyAccount) -> dict[str, Any]:
    """The margin report, one group per underlying."""
    ledger = owner.desk.ledger
    shown = balance(owner)
    groups = {held.symbol: abs(ledger.value(held)) * _HALF for held in ledger.share_positions()}
    for name, one in ledger.option_requirement().items():
        groups[name] = groups.get(name, Decimal(0)) + one.amount
    requirement = Decimal(shown["reg-t-margin-requirement"])
    maintenance = Decimal(shown["maintenance-requirement"])
    equity = ledger.equity()
    power = Decimal(shown["derivative-buying-power"])
    return {
        "account-number": owner.number,
        "description": "Total",
        "margin-calculation-type": "Reg T",
        "option-level": _LEVELS[ledger.settings.options_level],
        **signed("margin-requirement", -requirement),
        **signed("initial-requirement", -requirement),
        **signed("maintenance-requirement", -maintenance),
        **signed("margin-equity", equity),
        **signed("option-buying-power", power),
        **signed("reg-t-margin-requirement", -requirement),
        **signed("reg-t-option-buying-power", power),
        **signed("maintenance-excess", equity - maintenance),
        "groups": [_margin_group(name, value) for name, value in sorted(groups.items())],
        "last-state-timestamp": millis(owner.now()),
    }


def _margin_group(name: str, value: Decimal) -> dict[str, Any]:
    return {
        "description": name,
        "code": name,
        "underlying-symbol": name,
        "underlying-type": "Equity",
        "margin-calculation-type": "Reg T",
        **signed("margin-requirement", -value),
        **signed("initial-requirement", -value),
        **signed("maintenance-requirement", -value),
        **signed("buying-power", -value),
        "groups": [],
    }


def position(owner: TastyAccount, shown: Shown, *, with_mark: bool = False) -> dict[str, Any]:
    """A position: quantity without sign, direction beside it."""
    note = owner.shown.note(shown.symbol)
    now = owner.now()
    mark = owner.quotes.mark(shown.symbol)
    before = owner.quotes.prices.previous_close(shown.symbol, today_of(owner))
    direction = "Zero" if not shown.quantity else "Long" if shown.quantity > 0 else "Short"
    units = owner.quotes.multiplier(shown.symbol)
    gain = note.gain * units if note is not None else Decimal(0)
    row: dict[str, Any] = {
        "account-number": owner.number,
        "symbol": symbols.outside(shown.symbol),
        "instrument-type": symbols.instrument_type(shown.symbol),
        "underlying-symbol": symbols.underlying(shown.symbol),
        "quantity": text(abs(shown.quantity)),
        "quantity-direction": direction,
        "close-price": money(before if before is not None else mark or shown.average),
        "average-open-price": text(shown.average),
        "average-yearly-market-close-price": text(shown.average),
        "average-daily-market-close-price": money(before if before is not None else shown.average),
        "multiplier": int(units),
        "cost-effect": "Credit" if shown.quantity > 0 else "Debit",
        "is-suppressed": False,
        "is-frozen": False,
        "restricted-quantity": "0.0",
        **signed("realized-day-gain", gain),
        "realized-day-gain-date": today_of(owner).isoformat(),
        **signed("realized-today", gain),
        "realized-today-date": today_of(owner).isoformat(),
        "created-at": instant(note.opened_at if note is not None else now),
        "updated-at": instant(note.changed_at if note is not None else now),
    }
    contract = symbols.contract(shown.symbol)
    if contract is not None:
        row["expires-at"] = instant(datetime.combine(contract.expiry, time(16), NEW_YORK).astimezone(UTC))
    if with_mark and mark is not None:
        row["mark-price"] = money(mark)
        row["mark"] = money(abs(shown.quantity) * mark * units)
    return row


def present_position(owner: TastyAccount, symbol: str) -> dict[str, Any]:
    """The position as it is, for a message; flat where there is none."""
    return position(owner, owner.shown.present(symbol))


def _sides(values: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """Long value, and short value without sign."""
    long = sum((value for value in values if value > 0), Decimal(0))
    return long, -sum((value for value in values if value < 0), Decimal(0))
