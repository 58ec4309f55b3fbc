"""What an order does to buying power and what it costs, as a dry run and a submit tell it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from functions.core.money import divided
from local.simulators.alpaca import checks
from local.simulators.tastytrade.desk import Desk
from local.simulators.tastytrade.order_request import LegRequest, OrderRequest
from local.simulators.tastytrade.transactions import Fees
from local.simulators.tastytrade.wire import effect, money, signed

_HALF: Final = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Before:
    """Derivative buying power before the order, in dollars."""

    power: Decimal


def before(desk: Desk) -> Before:
    power = checks.buying_power(desk.book, desk.venue_open_orders(), desk.prices)
    return Before(divided(power, desk.settings.multiplier))


def effects(desk: Desk, asked: OrderRequest, was: Before | None = None) -> dict[str, Any]:
    """`buying-power-effect` and `fee-calculation` of an order."""
    was = was or before(desk)
    fees = fees_of(desk, asked)
    requirement = sum((_requirement(desk, asked, leg) for leg in asked.legs), Decimal(0))
    change = -requirement - fees.total
    return {
        "buying-power-effect": {
            **signed("change-in-margin-requirement", -requirement),
            **signed("change-in-buying-power", change),
            **signed("current-buying-power", was.power),
            **signed("new-buying-power", was.power + change),
            **signed("isolated-order-margin-requirement", -max(requirement, Decimal(0))),
            "is-spread": len(asked.legs) > 1,
            "impact": money(abs(change)),
            "effect": effect(change),
        },
        "fee-calculation": {**fees.json(), **signed("total-fees", -fees.total)},
    }


def fees_of(desk: Desk, asked: OrderRequest) -> Fees:
    del desk, asked
    return Fees()


def _requirement(desk: Desk, asked: OrderRequest, leg: LegRequest) -> Decimal:
    """Half of what an opening leg costs; a closing one gives as much back."""
    price = asked.price or asked.stop or desk.prices.mark(leg.symbol) or Decimal(0)
    value = asked.value if asked.value is not None else (leg.quantity or Decimal(0)) * price
    return value * _HALF * (1 if leg.opens else -1)
