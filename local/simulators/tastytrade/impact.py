"""What an order does to buying power and what it costs, as a dry run and a submit tell it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from functions.backtest.orders import Side
from functions.core.money import divided
from local.simulators.tastytrade.account import TastyAccount
from local.simulators.tastytrade.transactions import fee_rows
from local.simulators.tastytrade.wire import effect, money, signed
from local.simulators.venue import order_checks
from local.simulators.venue.desk_order import DeskOrder
from local.simulators.venue.fees import Charge


def power(account: TastyAccount) -> Decimal:
    """Derivative buying power, in dollars."""
    return divided(account.desk.buying_power(), account.desk.ledger.settings.multiplier)


def effects(account: TastyAccount, order: DeskOrder, was: Decimal) -> dict[str, Any]:
    """`buying-power-effect` and `fee-calculation` of an order; `was` is the power before it."""
    charge = _charge(account, order)
    requirement, taken = _taken(account, order)
    change = -taken - charge.total
    return {
        "buying-power-effect": {
            **signed("change-in-margin-requirement", -requirement),
            **signed("change-in-buying-power", change),
            **signed("current-buying-power", was),
            **signed("new-buying-power", was + change),
            **signed("isolated-order-margin-requirement", -max(requirement, Decimal(0))),
            "is-spread": order.is_multi_leg,
            "impact": money(abs(change)),
            "effect": effect(change),
        },
        "fee-calculation": {**fee_rows(charge), **signed("total-fees", -charge.total)},
    }


def _taken(account: TastyAccount, order: DeskOrder) -> tuple[Decimal, Decimal]:
    """What more is required, and how much buying power goes; negative where a close gives it back."""
    ledger, quotes = account.desk.ledger, account.quotes
    if quotes.option(order.symbol) is None:
        price = order_checks.price_of(order, quotes)
        value = divided(order.quantity * price, ledger.settings.multiplier)
        return (value, value) if order.legs[0].effect == "open" else (-value, -value)
    required = order_checks.required_more(ledger, order)
    return required, required + order_checks.premium(order, quotes)


def _charge(account: TastyAccount, order: DeskOrder) -> Charge:
    ledger, quotes = account.desk.ledger, account.quotes
    charges = [
        ledger.settings.fees.charge(
            Side(leg.side),
            leg.quantity,
            quotes.mark(leg.symbol) or Decimal(0),
            multiplier=quotes.multiplier(leg.symbol),
            opening=leg.effect == "open",
        )
        for leg in order.legs
    ]
    return Charge(
        sum((one.commission for one in charges), Decimal(0)),
        sum((one.clearing for one in charges), Decimal(0)),
        sum((one.regulatory for one in charges), Decimal(0)),
    )
