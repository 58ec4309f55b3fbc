"""A position: signed quantity and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from functions.core.money import divided


@dataclass(slots=True)
class Position:
    """`quantity` is negative when short; `cost` has the quantity's sign: quantity times average entry price."""

    symbol: str
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)

    @property
    def average(self) -> Decimal:
        """Average entry price at the ledger's scale; zero when flat."""
        return divided(self.cost, self.quantity) if self.quantity else Decimal(0)

    def apply(self, change: Decimal, price: Decimal) -> None:
        """Adds a signed fill. What reduces leaves the average as it is; what goes through zero opens at `price`."""
        if not self.quantity or (self.quantity > 0) == (change > 0):
            self.quantity += change
            self.cost += change * price
            return
        closing = -self.quantity if abs(change) > abs(self.quantity) else change
        rest = change - closing
        self.cost += divided(self.cost * closing, self.quantity)
        self.quantity += closing
        if not self.quantity:
            self.cost = Decimal(0)
        if rest:
            self.quantity, self.cost = rest, rest * price
