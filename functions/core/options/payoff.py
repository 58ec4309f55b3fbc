"""What options and shares of one underlying are worth at expiry, can lose and gain, and where they break even.

Money is exact. Between two strikes the worth is a straight line: so few prices of the underlying, nothing and the
strikes, and the slope beyond the highest of them, tell the smallest and the largest worth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from functions.core.errors import BadInput
from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.money import divided

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OptionUnits:
    """Units of the underlying under one option: contracts x multiplier, below zero where sold.

    `root` is the option symbol's: what has another root delivers something else and covers nothing. `price` is what a
    unit is valued at, or was bought or sold at, dollars.
    """

    root: str
    expiry: date
    right: OptionRight
    strike: Decimal
    units: Decimal
    price: Decimal = ZERO

    @classmethod
    def of(cls, option: OptionSymbol, units: Decimal, price: Decimal = ZERO) -> OptionUnits:
        """Units under the contract of a symbol."""
        return cls(option.root, option.expiry, option.right, option.strike, units, price)

    def worth(self, underlying: Decimal) -> Decimal:
        """At expiry, with the underlying at this price, dollars."""
        return self.units * intrinsic(self, underlying)

    @property
    def slope(self) -> Decimal:
        """What a dollar more of the underlying adds beyond every strike."""
        return self.units if self.right == "call" else ZERO


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the underlying, below zero where sold short. `root` is that of the options which they can cover."""

    root: str
    units: Decimal
    price: Decimal = ZERO

    def worth(self, underlying: Decimal) -> Decimal:
        """With the underlying at this price, dollars."""
        return self.units * underlying

    @property
    def slope(self) -> Decimal:
        """What a dollar more of the underlying adds."""
        return self.units


Leg = OptionUnits | Shares


@dataclass(frozen=True, slots=True)
class Profile:
    """What legs that end together make of the prices that they were entered at, dollars.

    `largest_loss` and `largest_gain` are never below zero, and None where they have no bound. `break_evens` are the
    prices of the underlying, rising, at which nothing is lost or won and on one side of which something is.
    """

    largest_loss: Decimal | None
    largest_gain: Decimal | None
    break_evens: tuple[Decimal, ...]


def intrinsic(option: OptionSymbol | OptionUnits, underlying: Decimal) -> Decimal:
    """What exercising gains per unit; zero where it would not."""
    gain = underlying - option.strike if option.right == "call" else option.strike - underlying
    return max(gain, ZERO)


def profit(legs: Iterable[Leg], underlying: Decimal) -> Decimal:
    """What the legs are worth at expiry at this price of the underlying, less what they were entered at, dollars."""
    return sum((leg.worth(underlying) - leg.units * leg.price for leg in legs), ZERO)


def profile(legs: Iterable[Leg]) -> Profile:
    """Raises BadInput MIXED_LEGS where the legs are of several roots or expiries, or where there are none.

    What outlives the first expiry has no payoff at it but a value, which a model may give: of legs of several expiries
    `largest_loss` is the bound.
    """
    together = list(legs)
    expiries = {leg.expiry for leg in together if isinstance(leg, OptionUnits)}
    if len({leg.root for leg in together}) != 1 or len(expiries) > 1:
        raise BadInput("MIXED_LEGS", "expected legs of one root and one expiry; ask for each apart", legs=len(together))
    prices = _corners(together)
    profits = [profit(together, price) for price in prices]
    slope = sum((leg.slope for leg in together), ZERO)
    return Profile(
        largest_loss=None if slope < 0 else max(-min(profits), ZERO),
        largest_gain=None if slope > 0 else max(*profits, ZERO),
        break_evens=_break_evens(prices, profits, slope),
    )


def largest_loss(legs: Iterable[Leg]) -> Decimal | None:
    """The largest loss at expiry, without what was paid or received for them, dollars; None where it has no bound.

    Zero where nothing is sold: an option that is held is worth nothing at worst. Legs of several expiries are bounded
    set by set: what is held covers what is sold and expires on the same day or before.
    """
    total = ZERO
    for together in _covering(legs):
        least = least_worth(together)
        if least is None:
            return None
        total -= least
    return total


def least_worth(legs: Sequence[Leg]) -> Decimal | None:
    """The smallest worth of legs that end together; None where it has no bound."""
    if sum((leg.slope for leg in legs), ZERO) < 0:
        return None
    return _least(legs, _corners(legs))


def capital_at_work(options: Sequence[OptionUnits]) -> Decimal:
    """What they could lose from their prices of now on, dollars; never below zero.

    Of what is held alone, or bought dearer than it was sold, what it is worth; of a credit spread its width less the
    credit; of an uncovered put its strike less its price; an uncovered call as if the underlying came to twice the
    highest strike. Shares do not cover a call here: whoever asks takes covered ones out.
    """
    total = ZERO
    for together in _covering(options):
        corners = _corners(together)
        value = sum((held.units * held.price for held in together), ZERO)
        total += max(value - _least(together, [*corners, 2 * corners[-1]]), ZERO)
    return total


def _corners(legs: Iterable[Leg]) -> list[Decimal]:
    return sorted({ZERO, *(leg.strike for leg in legs if isinstance(leg, OptionUnits))})


def _least(together: Sequence[Leg], underlying: Iterable[Decimal]) -> Decimal:
    return min(sum((held.worth(price) for held in together), ZERO) for price in underlying)


def _break_evens(prices: list[Decimal], profits: list[Decimal], slope: Decimal) -> tuple[Decimal, ...]:
    found = set()
    last = len(prices) - 1
    for i, (price, made) in enumerate(zip(prices, profits, strict=True)):
        ahead = slope if i == last else profits[i + 1] - made
        behind = made - profits[i - 1] if i else ZERO
        if made == 0 and (ahead or behind):
            found.add(price)
        elif i < last and made * profits[i + 1] < 0:
            found.add(price + divided(-made * (prices[i + 1] - price), ahead))
        elif i == last and made * slope < 0:
            found.add(price + divided(-made, slope))
    return tuple(sorted(found))


def _covering(legs: Iterable[Leg]) -> list[list[Leg]]:
    """Sets that are looked at alone: by root, and by the expiry of what is sold.

    What is held covers what is sold and expires on the same day or before: it can be closed for no less than its worth
    at that moment. Of several expiries that it could cover it covers the last, so that none is counted twice.
    """
    netted: dict[tuple[str, date, OptionRight, Decimal], OptionUnits] = {}
    shares: dict[str, Decimal] = defaultdict(Decimal)
    for leg in legs:
        if isinstance(leg, Shares):
            shares[leg.root] += leg.units
            continue
        key = (leg.root, leg.expiry, leg.right, leg.strike)
        there = netted.get(key)
        netted[key] = leg if there is None else replace(leg, units=leg.units + there.units)
    open_now = [option for option in netted.values() if option.units != 0]
    sets: dict[tuple[str, date], list[Leg]] = defaultdict(list)
    for option in open_now:
        sold = [
            other.expiry
            for other in open_now
            if other.root == option.root and other.units < 0 and other.expiry <= option.expiry
        ]
        sets[option.root, max(sold, default=option.expiry)].append(option)
    alone: list[list[Leg]] = []
    for root, units in shares.items():
        alone += _shared_out(root, units, [sets[key] for key in sorted(sets) if key[0] == root])
    return [*sets.values(), *alone]


def _shared_out(root: str, units: Decimal, sets: list[list[Leg]]) -> list[list[Leg]]:
    """Adds shares to the sets of their root, the soonest first: as many as sold calls lack, or as held calls have to
    spare for shares sold short. What is left goes with the last, or is returned where there is none."""
    for together in sets:
        lacking = -sum((leg.slope for leg in together), ZERO)
        part = ZERO if lacking * units <= 0 else min(lacking, units, key=abs)
        if part:
            together.append(Shares(root, part))
            units -= part
    if not units:
        return []
    if not sets:
        return [[Shares(root, units)]]
    sets[-1].append(Shares(root, units))
    return []
