"""What exercise, assignment and expiry do to a holding. Exact: contracts, shares and dollars.

The Options Clearing Corporation exercises what is in the money at expiry by a cent or more ("exercise by exception",
its rule 805), and the holder of a physically settled contract may say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol
from functions.core.options.payoff import intrinsic

SettlementKind = Literal["expiry", "exercise", "assignment"]
SettledIn = Literal["physical", "cash"]
AUTO_EXERCISE_AT = Decimal("0.01")
"""Dollars per share, for customers and members alike."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """`contracts` is the signed change of the option position, `shares` of the underlying's, `cash` in dollars.

    `price` is what a share changes hands for: the strike; None where none does, at expiry without exercise and where a
    contract is settled in cash.
    """

    kind: SettlementKind
    symbol: str
    underlying: str
    contracts: Decimal
    shares: Decimal
    cash: Decimal
    price: Decimal | None


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


def paid_out(option: OptionSymbol, quantity: Decimal, spot: Decimal, multiplier: Decimal = Decimal(100)) -> Settlement:
    """As `delivered`, of a contract that is settled in cash, at the settlement value `spot`: the gain alone."""
    _whole(quantity)
    return Settlement(
        kind="exercise" if quantity > 0 else "assignment",
        symbol=str(option),
        underlying=option.root,
        contracts=-quantity,
        shares=Decimal(0),
        cash=quantity * multiplier * intrinsic(option, spot),
        price=None,
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
    settlement: SettledIn = "physical",
) -> Settlement:
    """What becomes of a holding on its expiry day at the underlying's closing price, or settlement value, `spot`.

    Long and in the money: exercised, unless `exercise` says not to; short and in the money: assigned; otherwise it
    expires. What is settled in cash is exercised whatever `exercise` says. Raises BadInput BAD_SETTLEMENT before the
    expiry day.
    """
    if on < option.expiry:
        raise BadInput("BAD_SETTLEMENT", f"{option} expires on {option.expiry}, not on {on}")
    in_the_money = intrinsic(option, spot) >= AUTO_EXERCISE_AT
    if in_the_money and settlement == "cash":
        return paid_out(option, quantity, spot, multiplier)
    if in_the_money and (quantity < 0 or exercise):
        return delivered(option, quantity, multiplier)
    return expired(option, quantity)


def _whole(quantity: Decimal) -> None:
    if not quantity or quantity != quantity.to_integral_value():
        raise BadInput("BAD_SETTLEMENT", f"expected whole contracts, was {quantity}")
