"""How far a price may be from the last one: a robust band around what this symbol's prices have done lately.

Distances are whole millionths of the price, so that every machine decides alike. The band is the median of the last
distances and ten times their median absolute deviation (as a standard deviation), and never narrower than its floor.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from statistics import median
from typing import Final

MILLION: Final = 1_000_000
FLOOR: Final = 30_000
"""3 %: no ordinary minute of a liquid share moves as far, and quiet hours would make the band narrower than news."""
OVERNIGHT: Final = 150_000
"""15 %: what may lie between two sessions. A split moves a price further (5 for 4 by 20 %)."""
_REMEMBERED: Final = 60
_WIDTH: Final = 10
_DEVIATION: Final = 1.4826


def distance(price: Decimal, reference: Decimal) -> int:
    """How far a price is from a reference above zero, in millionths of the reference."""
    return int(abs(price - reference) * MILLION / reference)


class Band:
    """Learns from the distances that were let in."""

    def __init__(self) -> None:
        self._distances: deque[int] = deque(maxlen=_REMEMBERED)

    @property
    def limit(self) -> int:
        """The longest distance within a session that needs no confirmation, in millionths."""
        if not self._distances:
            return FLOOR
        middle = median(self._distances)
        spread = median([abs(known - middle) for known in self._distances])
        return max(FLOOR, int(middle + _WIDTH * _DEVIATION * spread))

    def learn(self, found: int) -> None:
        self._distances.append(found)
