"""Fault scripts: what is ordered, what goes wrong at which step and how often. The same seed is the same script."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.integration.faults.matrix import Cell, in_turn

AIMS: Final = 3
"""So many faults of a script are aimed: the step that they are to strike follows them."""
NEWEST: Final = -1
_FEWEST, _MOST = 3, 9
_OFTEN: Final[dict[str, int]] = {
    "place": 6,
    "submit": 5,
    "move": 5,
    "fault": 6,
    "sync": 3,
    "resolve": 2,
    "cancel": 3,
    "replace": 2,
    "close": 2,
    "crash": 2,
    "by_hand": 1,
    "bracket_by_hand": 1,
    "cancel_by_hand": 1,
    "assign": 1,
    "exercise": 1,
}
_ONCE: Final = 0.15
"""How often a script sees a night where no fault asks for one."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens; `which` picks among what is there at that moment."""

    does: str
    which: int = 0
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """`streams` says whether the trade stream worker runs beside the steps, `watched` whether senders believe so: where
    nobody watches, the sender reads the lists itself. `aims` are the faults whose turn it is."""

    seed: int
    streams: bool
    watched: bool
    aims: tuple[Cell, ...]
    steps: tuple[Step, ...]


def script_of(seed: int, cells: Sequence[Cell]) -> Script:
    """The script of a seed, for a broker with these faults: those that it is the turn of, then whatever comes."""
    chance = random.Random(f"faults {seed}")
    turn = in_turn(cells)
    aims = tuple(turn[(seed * AIMS + number) % len(turn)] for number in range(AIMS))
    steps: list[Step] = []
    for aim in aims:
        steps += _aimed(aim, chance)
    for does in chance.choices(list(_OFTEN), weights=list(_OFTEN.values()), k=chance.randint(_FEWEST, _MOST)):
        steps.append(_step(does, chance, cells))
        if does in ("place", "close") and chance.random() < 0.7:
            steps.append(Step("submit"))
    if chance.random() < _ONCE and not any(step.does == "night" for step in steps):
        steps.insert(chance.randint(len(steps) // 2, len(steps)), Step("night"))
    # What nobody heard of is looked for: no stream tells of it, and the sender leaves the lists alone.
    unheard = any(aim.step == "look up" for aim in aims)
    streams = any(aim.step == "stream" for aim in aims) or (not unheard and chance.random() < 0.5)
    watched = streams or unheard or chance.random() < 0.7
    return Script(seed, streams, watched, aims, tuple(steps))


def _aimed(cell: Cell, chance: random.Random) -> list[Step]:
    """A fault, and before and after it what makes it strike at its step."""
    fault = Step("fault", more={"cell": cell, "count": 1})
    submit, sync, move = Step("submit"), Step("sync"), Step("move")
    rests = [_place(chance, rests=True, what="share" if chance.random() < 0.6 else "vertical"), submit]
    # What is decided by the time the fault is there is no matter of luck: it trades at once.
    trades = _place(chance, rests=False, what="vertical" if cell.switch == "leg_by_leg" else None)
    match cell.step:
        case "submit":
            steps = [trades, fault, submit]
        case "replace":
            steps = [*rests, fault, _step("replace", chance, ()), submit]
        case "cancel":
            steps = [*rests, fault, Step("cancel", NEWEST), Step("cancels")]
        case "look up":
            # Taken or not, the answer is lost.
            lost = Cell(chance.choice(["timeout_after_accept", "reset_before_accept"]), "submit")
            steps = [trades, Step("lose", more={"cell": lost}), submit, fault, Step("wait"), Step("resolve")]
        case "fills":
            steps = [fault, trades, submit, move, move]
        case "stream":
            steps = [fault, *([_bracket(chance)] if cell.switch == "child_not_streamed" else [trades, submit]), move]
            return [*steps, Step("listen", more={"cell": cell}), Step("aimed", more={"cell": cell})]
        case "close":
            expiring = _place(chance, rests=False, what="option") if chance.random() < 0.5 else _vertical(chance, 0)
            expiring.more["expiry"] = 0
            if cell.switch == "optrd_price_mismatch":
                # In the money by a wide margin, and held: shares are delivered.
                expiring = _place(chance, rests=False, what="option")
                expiring.more.update(expiry=0, right="put", strike=4, side="buy")
            steps = [expiring, submit, fault, Step("night"), sync]
        case _:
            steps = [trades, submit, fault, sync]
    return [*steps, Step("aimed", more={"cell": cell})]


def _step(does: str, chance: random.Random, cells: Sequence[Cell]) -> Step:
    which = chance.randrange(1000)
    match does:
        case "place":
            return _place(chance, rests=chance.random() < 0.4)
        case "by_hand":
            return Step(does, which, _share(chance, rests=chance.random() < 0.4))
        case "bracket_by_hand":
            return _bracket(chance)
        case "replace":
            more = {"quantity": chance.randint(1, 12), "away": chance.choice([-10, 10, 100])}
            return Step(does, NEWEST if not cells else which, more)
        case "fault":
            return Step(does, which, {"cell": chance.choice(list(cells)), "count": chance.choice([1, 1, 2, 3])})
        case "crash":
            return Step(does, which, {"when": chance.choice(["before", "after"])})
        case "close":
            return Step(does, which, {"all": chance.random() < 0.7})
        case _:
            return Step(does, which)


def _place(chance: random.Random, *, rests: bool, what: str | None = None) -> Step:
    """An order: shares, one option, or two as a vertical. `rests` is away from the market, else through it."""
    match what or chance.choice(["share", "share", "option", "vertical"]):
        case "share":
            return Step("place", chance.randrange(1000), _share(chance, rests=rests))
        case "option":
            more = _contract(chance) | {"what": "option", "side": chance.choice(["buy", "buy", "sell"]), "rests": rests}
            return Step("place", chance.randrange(1000), more | {"quantity": chance.randint(1, 4)})
        case _:
            step = _vertical(chance, chance.randint(0, 3))
            step.more["rests"] = rests
            return step


def _share(chance: random.Random, *, rests: bool) -> dict[str, Any]:
    # In ticks through the market (fills at once), or away from it (works); None is at market.
    away = chance.choice([20, 200]) if rests else chance.choice([None, -20, -5])
    side = chance.choice(["buy", "buy", "sell"])
    return {"what": "share", "side": side, "quantity": chance.randint(1, 9), "away": away, "rests": rests}


def _contract(chance: random.Random) -> dict[str, Any]:
    return {"right": chance.choice(["call", "put"]), "expiry": chance.randint(0, 3), "strike": chance.randint(-4, 4)}


def _vertical(chance: random.Random, expiry: int) -> Step:
    more = _contract(chance) | {"what": "vertical", "expiry": expiry, "width": chance.randint(1, 5), "rests": False}
    more |= {"side": chance.choice(["buy", "sell"]), "quantity": chance.randint(1, 3)}
    return Step("place", chance.randrange(1000), more)


def _bracket(chance: random.Random) -> Step:
    more = {"side": "buy", "quantity": chance.randint(1, 5), "away": chance.choice([-20, 20])}
    return Step("bracket_by_hand", chance.randrange(1000), more)
