"""Timing things beside one another: each round runs every contestant once, so that all meet the same machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

# Connections, caches and imports of the first rounds are not what is measured.
WARM_UP_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """Latency of one contestant in milliseconds; `ratio` is its median over the floor's."""

    name: str
    count: int
    p50_ms: float
    p99_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark: contestants in order, the last one is the floor. `note` says what was done."""

    title: str
    note: str
    figures: list[Figures] = field(default_factory=list)


def measure(
    title: str, note: str, contestants: Mapping[str, Callable[[int], object]], *, rounds: int, seconds: float
) -> Result:
    """Runs at most `rounds` rounds and at most `seconds`; a contestant is called with the number of its call."""
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    ends_at = time.perf_counter() + seconds
    for number in range(-WARM_UP_ROUNDS, rounds):
        if number > 0 and time.perf_counter() > ends_at:
            break
        for name, call in contestants.items():
            began = time.perf_counter()
            call(number + WARM_UP_ROUNDS)
            if number >= 0:
                samples[name].append(time.perf_counter() - began)
    return Result(title, note, compared(samples))


def compared(samples: Mapping[str, Sequence[float]]) -> list[Figures]:
    """Figures of each contestant's samples (seconds), beside the last one's."""
    floor = percentile(list(samples.values())[-1], 50)
    return [
        Figures(
            name,
            len(taken),
            round(percentile(taken, 50) * 1000, 5),
            round(percentile(taken, 99) * 1000, 5),
            round(percentile(taken, 50) / floor, 2),
        )
        for name, taken in samples.items()
    ]


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was measured. Raises ValueError where there are no samples."""
    if not samples:
        raise ValueError("no samples were taken")
    return sorted(samples)[max(0, math.ceil(percent / 100 * len(samples)) - 1)]


@dataclass(frozen=True, slots=True)
class Throughput:
    """Calls per second of each contestant, all clients together; the last one is the floor."""

    title: str
    clients: int
    rates: Mapping[str, float]

    def ratio(self, name: str, floor: str | None = None) -> float:
        """How many times as fast the floor is: the last contestant, or the one named."""
        return round(self.rates[floor or list(self.rates)[-1]] / self.rates[name], 2)
