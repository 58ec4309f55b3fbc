"""What options that are held together can lose at expiry, and how much capital they keep at work.

The smallest value of a set of options of one underlying lies at a strike, at nothing, or beyond the highest strike: so
few prices of the underlying tell it exactly. Shares do not cover a call here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from functions.core.instruments import OptionRight

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class OptionUnits:
    """Units of the underlying under one option: contracts x multiplier, below zero where sold.

    `root` is the option symbol's: what has another root delivers something else and covers nothing. `price` is what a
    unit is valued at, dollars.
    """

    root: str
    expiry: date
    right: OptionRight
    strike: Decimal
    units: Decimal
    price: Decimal = ZERO

    def worth(self, underlying: Decimal) -> Decimal:
        """At expiry, with the underlying at this price, dollars."""
        away = underlying - self.strike if self.right == "call" else self.strike - underlying
        return self.units * max(away, ZERO)


def largest_loss(options: Iterable[OptionUnits]) -> Decimal | None:
    """The largest loss at expiry, without what was paid or received for them, dollars; None where it has no bound.

    Zero where nothing is sold: an option that is held is worth nothing at worst.
    """
    total = ZERO
    for together in _covering(options):
        if sum((held.units for held in together if held.right == "call"), ZERO) < 0:
            return None
        total -= _least_worth(together, [ZERO, *(held.strike for held in together)])
    return total


def capital_at_work(options: Iterable[OptionUnits]) -> Decimal:
    """What they could lose from their prices of now on, dollars; never below zero.

    Of what is held alone, or bought dearer than it was sold, what it is worth; of a credit spread its width less the
    credit; of an uncovered put its strike less its price; an uncovered call as if the underlying came to twice the
    highest strike.
    """
    total = ZERO
    for together in _covering(options):
        strikes = [held.strike for held in together]
        value = sum((held.units * held.price for held in together), ZERO)
        total += max(value - _least_worth(together, [ZERO, *strikes, 2 * max(strikes)]), ZERO)
    return total


def _least_worth(together: Sequence[OptionUnits], underlying: Iterable[Decimal]) -> Decimal:
    return min(sum((held.worth(price) for held in together), ZERO) for price in underlying)


def _covering(options: Iterable[OptionUnits]) -> list[list[OptionUnits]]:
    """Sets that are looked at alone: by root, and by the expiry of what is sold.

    What is held covers what is sold and expires on the same day or before: it can be closed for no less than its worth
    at that moment. Of several expiries that it could cover it covers the last, so that none is counted twice.
    """
    netted: dict[tuple[str, date, OptionRight, Decimal], OptionUnits] = {}
    for option in options:
        key = (option.root, option.expiry, option.right, option.strike)
        before = netted[key].units if key in netted else ZERO
        netted[key] = OptionUnits(*key, before + option.units, option.price)
    open_now = [option for option in netted.values() if option.units != 0]
    sets: dict[tuple[str, date], list[OptionUnits]] = defaultdict(list)
    for option in open_now:
        sold = [
            other.expiry
            for other in open_now
            if other.root == option.root and other.units < 0 and other.expiry <= option.expiry
        ]
        sets[option.root, max(sold, default=option.expiry)].append(option)
    return list(sets.values())
