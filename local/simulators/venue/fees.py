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
_ONE = Decimal(1)
_FIELDS = (
    "per_share",
    "per_fill",
    "sell_per_share",
    "sell_rate",
    "per_contract",
    "open_per_contract",
    "clearing_per_contract",
    "sell_per_contract",
)


@dataclass(frozen=True, slots=True)
class Charge:
    """What one fill costs, in dollars."""

    commission: Decimal
    clearing: Decimal
    regulatory: Decimal

    @property
    def total(self) -> Decimal:
        return self.commission + self.clearing + self.regulatory


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """`per_share` and `per_fill` in dollars on both sides; `sell_per_share` (as TAF) in dollars and `sell_rate` (as the
    SEC fee) as a fraction of the proceeds, on sells only.

    Of options: `per_contract` on both sides, `open_per_contract` where it opens, `clearing_per_contract` on both
    sides, `sell_per_contract` (as TAF) on sells; all in dollars.
    """

    per_share: Decimal = Decimal(0)
    per_fill: Decimal = Decimal(0)
    sell_per_share: Decimal = Decimal(0)
    sell_rate: Decimal = Decimal(0)
    per_contract: Decimal = Decimal(0)
    open_per_contract: Decimal = Decimal(0)
    clearing_per_contract: Decimal = Decimal(0)
    sell_per_contract: Decimal = Decimal(0)

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

    def charge(
        self, side: Side, quantity: Decimal, price: Decimal, *, multiplier: Decimal = _ONE, opening: bool = True
    ) -> Charge:
        """What one fill costs, exact; `multiplier` above one says that `quantity` counts option contracts."""
        commission, clearing, regulatory = self.per_fill, Decimal(0), Decimal(0)
        if multiplier == _ONE:
            commission += self.per_share * quantity
        else:
            commission += (self.per_contract + (self.open_per_contract if opening else Decimal(0))) * quantity
            clearing = self.clearing_per_contract * quantity
        if side is Side.SELL:
            by_unit = self.sell_per_share if multiplier == _ONE else self.sell_per_contract
            regulatory = by_unit * quantity + self.sell_rate * quantity * price * multiplier
        return Charge(commission, clearing, regulatory)


NO_FEES = FeeSchedule()


def charged(accrued: Decimal) -> Decimal:
    """A day's fees as they are collected: rounded up to whole cents."""
    return accrued.quantize(_CENT, rounding=ROUND_UP)
