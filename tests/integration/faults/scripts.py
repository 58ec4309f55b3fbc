"""Fault scripts: what is ordered, what goes wrong at which step and how often. The same seed is the same script."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens; `which` picks among what is there at that moment."""

    does: str
    which: int = 0
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """`streams` says whether the trade stream worker runs beside the steps, `watched` whether senders believe so."""

    seed: int
    streams: bool
    watched: bool
    steps: tuple[Step, ...]


_OFTEN: dict[str, int] = {
    "place": 6,
    "submit": 5,
    "move": 5,
    "fault": 6,
    "sync": 3,
    "resolve": 2,
    "cancel": 3,
    "replace": 2,
    "crash": 2,
    "by_hand": 1,
    "cancel_by_hand": 1,
}
_FEWEST, _MOST = 6, 14


def script_of(seed: int, switches: Sequence[str]) -> Script:
    """The script of a seed, for a broker with these faults: an order first, and a fault before it is sent."""
    chance = random.Random(f"faults {seed}")
    # The first fault is one that can strike a sending; what only reads or cancels meet comes with the rest.
    sending = [name for name in switches if not name.endswith((" GET", " DELETE", " PUT", " PATCH"))]
    steps = [_step("place", chance, switches), _step("fault", chance, sending), Step("submit")]
    for does in chance.choices(list(_OFTEN), weights=list(_OFTEN.values()), k=chance.randint(_FEWEST, _MOST)):
        steps.append(_step(does, chance, switches))
        if does == "place" and chance.random() < 0.7:
            steps.append(Step("submit"))
    streams = chance.random() < 0.5
    # Where nobody watches, the sender reads the lists itself.
    return Script(seed, streams, streams or chance.random() < 0.7, tuple(steps))


def _step(does: str, chance: random.Random, switches: Sequence[str]) -> Step:
    which = chance.randrange(1000)
    match does:
        case "place" | "by_hand":
            side = chance.choice(["buy", "buy", "sell"])
            # In ticks through the market (fills at once), or away from it (works); None is at market.
            away = chance.choice([None, -20, -5, 5, 200])
            return Step(does, which, {"side": side, "quantity": chance.randint(1, 9), "away": away})
        case "replace":
            return Step(does, which, {"quantity": chance.randint(1, 12), "away": chance.choice([-10, 10, 100])})
        case "fault":
            return Step(does, which, {"switch": chance.choice(list(switches)), "count": chance.choice([1, 1, 2, 3])})
        case "crash":
            return Step(does, which, {"when": chance.choice(["before", "after"])})
        case _:
            return Step(does, which)
