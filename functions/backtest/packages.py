"""Orders of several legs on the simulated exchange: matched as a whole, in units, against the quotes of their legs.

A package takes the quotes of all its legs at once, or none: so many units as every leg's displayed size carries, at
each leg's own touch, when the net of them is within the limit. It never rests inside the spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import gcd

from functions.backtest.market import Standing
from functions.backtest.orders import Side, TimeInForce
from functions.backtest.ticks import QUANTITY_SCALE, price_ticks
from functions.core.errors import BadInput

FEWEST_LEGS = 2
MOST_LEGS = 4


@dataclass(frozen=True, slots=True)
class PackageLeg:
    """`ratio` contracts (or shares) of `symbol` per unit of the package."""

    symbol: str
    side: Side
    ratio: int = 1


@dataclass(frozen=True, slots=True)
class NewPackage:
    """`quantity` units; `limit` is the net price of one unit per share, positive pays, None takes the market.

    `most_per_fill` caps the units of one execution, None for no cap.
    """

    order_id: str
    legs: tuple[PackageLeg, ...]
    quantity: int
    time_in_force: TimeInForce = TimeInForce.DAY
    limit: Decimal | None = None
    most_per_fill: int | None = None


@dataclass(slots=True)
class WorkingPackage:
    """A package on the exchange: its limit in ticks, filled in units of the whole."""

    new: NewPackage
    rank: int
    limit: int | None
    filled: int = 0

    @property
    def remaining(self) -> int:
        return self.new.quantity - self.filled

    def net(self, standing: Mapping[str, Standing]) -> int | None:
        """What one unit costs now, in ticks; None where a leg has no quote."""
        total = 0
        for leg in self.new.legs:
            quote = standing.get(leg.symbol)
            if quote is None:
                return None
            buying = leg.side is Side.BUY
            total += leg.ratio * (quote.touch(buying=buying) if buying else -quote.touch(buying=buying))
        return total

    def fillable(self, standing: Mapping[str, Standing]) -> int:
        """How many units can trade now: nothing where the net is beyond the limit."""
        net = self.net(standing)
        if net is None or (self.limit is not None and net > self.limit):
            return 0
        shown = min(
            standing[leg.symbol].left(buying=leg.side is Side.BUY) // (leg.ratio * QUANTITY_SCALE)
            for leg in self.new.legs
        )
        return min(self.remaining, shown)


def admit_package(new: NewPackage, rank: int) -> WorkingPackage:
    """Checks the shape of a package. Raises BadInput BAD_ORDER or OFF_TICK."""
    if new.quantity <= 0:
        raise BadInput("BAD_ORDER", f"quantity must be above zero, was {new.quantity}", field="quantity")
    if not FEWEST_LEGS <= len(new.legs) <= MOST_LEGS:
        raise BadInput("BAD_ORDER", f"expected {FEWEST_LEGS} to {MOST_LEGS} legs, was {len(new.legs)}", field="legs")
    if len({leg.symbol for leg in new.legs}) != len(new.legs):
        raise BadInput("BAD_ORDER", "each leg must be another instrument", field="legs")
    ratios = [leg.ratio for leg in new.legs]
    if min(ratios) < 1 or gcd(*ratios) != 1:
        raise BadInput("BAD_ORDER", f"ratios must be whole and in lowest terms, was {ratios}", field="legs")
    if new.time_in_force in (TimeInForce.OPG, TimeInForce.CLS):
        raise BadInput("BAD_ORDER", "an auction takes no orders of several legs", field="time_in_force")
    limit = None if new.limit is None else price_ticks(new.limit, "limit")
    return WorkingPackage(new=new, rank=rank, limit=limit)
