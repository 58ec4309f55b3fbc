"""Prices and quantities as integers inside the exchange, Decimal at its edge.

A price is a whole number of 1/10000 of the currency (fits int64), a quantity a whole number of 1/10^9 of a share.
Integers add up the same in any order, so a replay never depends on how sums are grouped.
"""

from __future__ import annotations

from decimal import Decimal

from functions.core.errors import BadInput

PRICE_SCALE = 10_000
QUANTITY_SCALE = 10**9
_LARGEST_PRICE = 2**63 - 1


def price_ticks(price: Decimal, field: str = "price") -> int:
    """A price as ticks. Raises BadInput OFF_TICK where it is not a whole number of 1/10000, or does not fit."""
    scaled = price * PRICE_SCALE
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise BadInput("OFF_TICK", f"{field} must be a multiple of 0.0001, was {price}", field=field)
    if abs(scaled) > _LARGEST_PRICE:
        raise BadInput("OFF_TICK", f"{field} is beyond what an exchange can quote, was {price}", field=field)
    return int(scaled)


def price_of(ticks: int) -> Decimal:
    """Ticks as a price, exact."""
    return Decimal(ticks).scaleb(-4)


def quantity_units(quantity: Decimal, field: str = "quantity") -> int:
    """A quantity as units of 1/10^9. Raises BadInput OFF_LOT where it is not a whole number of them."""
    scaled = quantity * QUANTITY_SCALE
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise BadInput("OFF_LOT", f"{field} must have at most 9 decimal places, was {quantity}", field=field)
    return int(scaled)


def quantity_of(units: int) -> Decimal:
    """Units as a quantity, exact."""
    return Decimal(units).scaleb(-9)
