"""Every fault switch at every step of an order's way that it can strike: what the scripts must reach.

A switch that strikes requests is tried at every step that makes one; any other strikes where it is at home. What is not
reached says why, so that a new switch needs a place here before the tests pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from local.simulators.venue.faults import FaultKind

STEPS: Final = (
    *("submit", "replace", "cancel", "look up", "clock", "fill list", "order list", "account", "positions"),
    *("fills", "stream", "close"),
)
_WIDTH: Final = 26


class Cell(NamedTuple):
    """A fault at a step."""

    switch: str
    step: str


Where = Mapping[str, tuple[str, str]]
"""Of each step that asks the broker, the request's method and the beginning of its path."""

AT_HOME: Final[Mapping[Cell, Mapping[str, Any]]] = {
    Cell("partial_fills", "fills"): {"least": 2, "most": 5},
    Cell("leg_by_leg", "fills"): {},
    Cell("halted_symbol", "fills"): {"symbol": "SPY"},
    Cell("stuck_cancel", "cancel"): {},
    Cell("cancel_fill_race", "cancel"): {},
    Cell("replace_fill_race", "replace"): {},
    Cell("replace_rejected", "replace"): {},
    Cell("half_day", "close"): {},
    Cell("activities_next_day", "close"): {},
    Cell("fill_before_response", "submit"): {},
    Cell("duplicate_stream_event", "stream"): {},
    Cell("out_of_order_stream_event", "stream"): {},
    Cell("child_not_streamed", "stream"): {},
    Cell("drop_stream", "stream"): {},
}
"""What markets, desks and account streams do, to every broker alike."""


def cells(
    table: Mapping[str, FaultKind], where: Where, at_home: Mapping[Cell, Mapping[str, Any]]
) -> dict[Cell, Mapping[str, Any]]:
    """The whole matrix of a broker: each cell with what is said besides when its fault is switched on."""
    found: dict[Cell, Mapping[str, Any]] = {}
    for switch, kind in table.items():
        if kind.request is not None:
            for step, (method, path) in where.items():
                found[Cell(switch, step)] = {"method": method, "path": path}
    return found | dict(at_home)


def in_turn(found: Iterable[Cell]) -> list[Cell]:
    """Every cell, first one of each switch (each at another step), then the rest: few scripts meet every switch."""
    by_switch: dict[str, list[Cell]] = {}
    for cell in found:
        by_switch.setdefault(cell.switch, []).append(cell)
    first = [own[number % len(own)] for number, own in enumerate(by_switch.values())]
    return first + [cell for own in by_switch.values() for cell in own if cell not in first]


def lines(broker: str, counts: Mapping[Cell, int], wanted: Iterable[Cell]) -> list[str]:
    """The matrix as a table: in how many scripts each fault is aimed at each step."""
    told = Counter(counts)
    rows = list(wanted)
    steps = [step for step in STEPS if any(cell.step == step for cell in rows)]
    table = [_line(broker, steps)]
    for switch in dict.fromkeys(cell.switch for cell in rows):
        mine = {cell.step for cell in rows if cell.switch == switch}
        table.append(_line(switch, [str(told[Cell(switch, step)]) if step in mine else "" for step in steps]))
    return table


def _line(name: str, values: Sequence[str]) -> str:
    return f"{name:{_WIDTH}}" + "".join(f"{value:>11}" for value in values)
