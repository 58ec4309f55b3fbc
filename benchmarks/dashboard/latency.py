"""From the commit in Postgres to the pixels: one fill after another, while the positions are on the screen.

The moments of each change, on one clock: the commit has returned; the message has come to a bare subscription in
another process, and to the page; the next frame has begun, which is when a page that draws at once would be painted
(the floor); the frame after the one in which the new quantity was drawn has begun, so that one was painted. The log is
streamed while the commit returns: a message may be there before the call has returned, and its time is below zero.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from benchmarks.dashboard.floor import Seen, bare_subscription
from benchmarks.dashboard.scene import WATCHING, browsing, positions, signed_in
from benchmarks.measuring import percentile
from functions.core.errors import Unavailable
from local.stack import Stack

GOAL_MS: Final = 150
_ROWS: Final = 20
_WARM_UP: Final = 20
# Between two changes; not one length, or each would meet the same moment of a frame.
_PAUSE_SECONDS: Final = (0.02, 0.06)
_LAST_SECONDS: Final = 5.0

Moments = Mapping[tuple[str, int], float]


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of the way. `ratio`: its median over the floor's, where it is the whole way."""

    name: str
    count: int
    p50_ms: float
    p95_ms: float
    ratio: float | None


def latency(stack: Stack, profile: Path, *, changes: int) -> list[Leg]:
    """The legs of the way, the whole first, the floor last. Raises Unavailable where a change was never painted."""
    with positions(stack, "latency", _ROWS) as (trader, book), browsing(stack, profile) as context:
        context.add_init_script(path=WATCHING)
        page = signed_in(context, trader, "/positions")
        page.get_by_role("region", name="Held").wait_for()
        with bare_subscription(stack, trader.id) as end:
            pause = random.Random(8)  # noqa: S311 - the same pauses in every run
            committed: dict[tuple[str, int], float] = {}
            for number, symbol in enumerate(islice(cycle(book.symbols), _WARM_UP + changes)):
                if number == _WARM_UP:
                    page.evaluate("watching.begin('messages')")
                quantity = book.fill(symbol)
                if number >= _WARM_UP:
                    committed[symbol, quantity] = time.time() * 1000
                time.sleep(pause.uniform(*_PAUSE_SECONDS))
            page.wait_for_timeout(_LAST_SECONDS * 1000)
            seen: dict[str, Any] = page.evaluate("watching.end()")
            heard = end()
    arrived = first(seen["arrived"], committed)
    painted = first(paints(seen["painted"]), committed)
    drawn = first(seen["next"], committed)
    bare = first(heard, committed)
    lost = [change for change in committed if any(change not in of for of in (painted, arrived, drawn, bare))]
    if lost:
        raise Unavailable("NOT_PAINTED", f"{len(lost)} of {len(committed)} changes were never seen: {lost[:5]}")
    return legs(committed, bare, arrived, drawn, painted)


def legs(committed: Moments, bare: Moments, arrived: Moments, drawn: Moments, painted: Moments) -> list[Leg]:
    """What each part took, from the moments of every change."""
    floor = percentile([drawn[change] - at for change, at in committed.items()], 50)

    def leg(name: str, since: Moments, until: Moments, *, whole: bool = False) -> Leg:
        taken = [until[change] - since[change] for change in committed]
        p50, p95 = (percentile(taken, percent) for percent in (50, 95))
        return Leg(name, len(taken), round(p50, 1), round(p95, 1), round(p50 / floor, 2) if whole else None)

    return [
        leg("commit to pixels", committed, painted, whole=True),
        leg("of it: commit to the page's socket", committed, arrived),
        leg("of it: socket to pixels", arrived, painted),
        leg("commit to a bare subscription in Node", committed, bare),
        leg("floor: commit to the frame after the message", committed, drawn, whole=True),
    ]


def first(
    seen: Iterable[Seen], changes: Iterable[tuple[str, int]], *, exact: bool = False
) -> dict[tuple[str, int], float]:
    """When each change was seen first: it, or (not `exact`) a later one of its row, which holds it too."""
    of: dict[str, list[tuple[float, int]]] = {}
    for at, symbol, quantity in seen:
        of.setdefault(symbol, []).append((at, quantity))
    found = {}
    for symbol, quantity in changes:
        moments = [at for at, held in of.get(symbol, []) if held == quantity or (held > quantity and not exact)]
        if moments:
            found[symbol, quantity] = min(moments)
    return found


def paints(painted: Iterable[tuple[float, list[tuple[str, str]]]]) -> Iterator[Seen]:
    for at, rows in painted:
        for key, quantity in rows:
            yield at, key.split(" ")[1], int(quantity.replace(",", ""))
