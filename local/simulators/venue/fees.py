"""What an account pays for its fills. Paper accounts pay nothing, which is the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any, Self

from functions.backtest.orders import Side
from functions.core.errors import BadInput
from functions.core.money import decimal

_CENT = Decimal("0.01")
_FIELDS = ("per_share", "per_fill", "sell_per_share", "sell_rate")


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """`per_share` and `per_fill` in dollars on both sides; `sell_per_share` (as TAF) in dollars and `sell_rate` (as the
    SEC fee) as a fraction of the proceeds, on sells only. Collected at the close, as one FEE activity per day.
    """

    per_share: Decimal = Decimal(0)
    per_fill: Decimal = Decimal(0)
    sell_per_share: Decimal = Decimal(0)
    sell_rate: Decimal = Decimal(0)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Raises BadInput BAD_FEES for a name it does not know or an amount below zero."""
        unknown = sorted(set(values) - set(_FIELDS))
        if unknown:
            raise BadInput("BAD_FEES", f"fees take {', '.join(_FIELDS)}, was {', '.join(unknown)}")
        amounts = {field: decimal(value, field) for field, value in values.items()}
        for field, amount in amounts.items():
            if amount < 0:
                raise BadInput("BAD_FEES", f"{field} must not be below zero, was {amount}")
        return cls(**amounts)

    def of(self, side: Side, quantity: Decimal, price: Decimal) -> Decimal:
        """The fee of one fill, exact."""
        fee = self.per_fill + self.per_share * quantity
        if side is Side.SELL:
            fee += self.sell_per_share * quantity + self.sell_rate * quantity * price
        return fee


NO_FEES = FeeSchedule()


def charged(accrued: Decimal) -> Decimal:
    """A day's fees as they are collected: rounded up to whole cents."""
    return accrued.quantize(_CENT, rounding=ROUND_UP)
