"""What exercise, assignment and expiry do to a holding. Exact: contracts, shares and dollars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol

SettlementKind = Literal["expiry", "exercise", "assignment"]
AUTO_EXERCISE_AT = Decimal("0.01")
"""The OCC exercises what is in the money by a cent, unless it is told not to."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """`contracts` is the signed change of the option position, `shares` of the underlying's, `cash` in dollars.

    `price` is what a share changes hands for: the strike; None at expiry without exercise.
    """

    kind: SettlementKind
    symbol: str
    underlying: str
    contracts: Decimal
    shares: Decimal
    cash: Decimal
    price: Decimal | None


def intrinsic(option: OptionSymbol, spot: Decimal) -> Decimal:
    """What exercising gains per share; zero where it would not."""
    gain = spot - option.strike if option.right == "call" else option.strike - spot
    return max(gain, Decimal(0))


def delivered(option: OptionSymbol, quantity: Decimal, multiplier: Decimal = Decimal(100)) -> Settlement:
    """Exercise of a long holding (`quantity` above zero) or assignment of a short one, of all its contracts.

    Raises BadInput BAD_SETTLEMENT for a quantity that is not whole contracts, or none.
    """
    _whole(quantity)
    # A long call and a short put take shares; a long put and a short call give them.
    sign = Decimal(1) if option.right == "call" else Decimal(-1)
    shares = quantity * multiplier * sign
    return Settlement(
        kind="exercise" if quantity > 0 else "assignment",
        symbol=str(option),
        underlying=option.root,
        contracts=-quantity,
        shares=shares,
        cash=-shares * option.strike,
        price=option.strike,
    )


def expired(option: OptionSymbol, quantity: Decimal) -> Settlement:
    """A holding that ends worthless. Raises BadInput BAD_SETTLEMENT as above."""
    _whole(quantity)
    return Settlement("expiry", str(option), option.root, -quantity, Decimal(0), Decimal(0), None)


def at_expiry(
    option: OptionSymbol,
    quantity: Decimal,
    spot: Decimal,
    *,
    on: date,
    exercise: bool = True,
    multiplier: Decimal = Decimal(100),
) -> Settlement:
    """What becomes of a holding on its expiry day at the underlying's closing price `spot`.

    Long and in the money: exercised, unless `exercise` says not to; short and in the money: assigned; otherwise it
    expires. Raises BadInput BAD_SETTLEMENT before the expiry day.
    """
    if on < option.expiry:
        raise BadInput("BAD_SETTLEMENT", f"{option} expires on {option.expiry}, not on {on}")
    in_the_money = intrinsic(option, spot) >= AUTO_EXERCISE_AT
    if in_the_money and (quantity < 0 or exercise):
        return delivered(option, quantity, multiplier)
    return expired(option, quantity)


def _whole(quantity: Decimal) -> None:
    if not quantity or quantity != quantity.to_integral_value():
        raise BadInput("BAD_SETTLEMENT", f"expected whole contracts, was {quantity}")
