"""A storm of row changes while positions are on the screen: how long frames take, and that rows are right after."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from benchmarks.dashboard.floor import bare_subscription
from benchmarks.dashboard.latency import Moments, first, paints
from benchmarks.dashboard.rows import Positions
from benchmarks.dashboard.scene import WATCHING, browsing, positions, signed_in
from benchmarks.measuring import percentile
from local.stack import Stack

GOAL_MS: Final = 50
_ROWS: Final = 300
_RATE: Final = 1000
_EACH: Final = 20
"""Row changes of one transaction."""
_DRAINED_SECONDS: Final = 30.0
_DRAWN_SECONDS: Final = 10.0
_TABLE: Final = "Held"

Change = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Storm:
    """What was sent, what came of it, and what the frames were like meanwhile. Times in milliseconds."""

    seconds: float
    sent: int
    floor_arrived: int
    arrived: int
    frames: int
    frames_that_changed: int
    coalesced: float
    """Messages for one frame that changed what is shown."""
    frame_p50_ms: float
    frame_p95_ms: float
    frame_max_ms: float
    floor_lag_p50_ms: float
    floor_lag_p95_ms: float
    lag_p50_ms: float
    lag_p95_ms: float
    pixels_p50_ms: float
    pixels_p95_ms: float
    """Of what was painted: only rows in sight are."""
    rows: int
    equal_before: int
    """Rows that were as in the database by messages alone."""
    equal_after: int
    """Rows that are as in the database after the next snapshot."""


def burst(stack: Stack, profile: Path, *, seconds: float) -> Storm:
    """A thousand row changes a second. Raises Unavailable where the page or the subscription does not come up."""
    with positions(stack, "burst", _ROWS) as (trader, book), browsing(stack, profile) as context:
        context.add_init_script(path=WATCHING)
        page = signed_in(context, trader, "/positions")
        page.get_by_role("region", name=_TABLE).wait_for()
        with bare_subscription(stack, trader.id) as end:
            page.evaluate("watching.begin('frames')")
            began = time.monotonic()
            committed = dict(changed(book, rate=_RATE, seconds=seconds))
            lasted = time.monotonic() - began
            _drained(page)
            seen: dict[str, Any] = page.evaluate("watching.end()")
            heard = end()
        held = {symbol: int(quantity) for symbol, quantity in book.held().items()}
        before = shown(page)
        snapshot(page)
        after = shown_once(page, held)
    painted = list(paints(seen["painted"]))
    floor, arrived, pixels = (first(each, committed, exact=True) for each in (heard, seen["arrived"], painted))

    def lag(moments: Moments, percent: float) -> float:
        return round(percentile([at - committed[change] for change, at in moments.items()], percent), 1)

    def frame(percent: float) -> float:
        return round(percentile(seen["frames"], percent), 1)

    return Storm(
        seconds=round(lasted, 1),
        sent=len(committed),
        floor_arrived=len(floor),
        arrived=len(arrived),
        frames=len(seen["frames"]),
        frames_that_changed=len(seen["painted"]),
        coalesced=round(len(arrived) / max(1, len(seen["painted"])), 1),
        frame_p50_ms=frame(50),
        frame_p95_ms=frame(95),
        frame_max_ms=frame(100),
        floor_lag_p50_ms=lag(floor, 50),
        floor_lag_p95_ms=lag(floor, 95),
        lag_p50_ms=lag(arrived, 50),
        lag_p95_ms=lag(arrived, 95),
        pixels_p50_ms=lag(pixels, 50),
        pixels_p95_ms=lag(pixels, 95),
        rows=len(held),
        equal_before=_equal(before, held),
        equal_after=_equal(after, held),
    )


def changed(book: Positions, *, rate: int, seconds: float) -> Iterator[tuple[Change, float]]:
    """Changes rows at random at that rate: each change, and when its commit returned (wall clock, milliseconds)."""
    choice = random.Random(8)  # noqa: S311 - the same rows in every run
    began = time.monotonic()
    for number in range(round(rate * seconds / _EACH)):
        time.sleep(max(0.0, began + number * _EACH / rate - time.monotonic()))
        quantities = book.change(choice.sample(book.symbols, _EACH))
        at = time.time() * 1000
        for symbol, quantity in quantities.items():
            yield (symbol, quantity), at


def snapshot(page: Page) -> None:
    """Has the page read its rows anew, as it does after every reconnect, and waits until they have come."""
    with page.expect_response(lambda response: "/rest/v1/position_books?" in response.url) as answered:
        page.evaluate("dispatchEvent(new Event('online'))")
    answered.value.finished()


def shown(page: Page) -> dict[str, int]:
    """What stands on the page: the quantity of each symbol."""
    rows: dict[str, str] = page.evaluate(f"watching.rows('{_TABLE}')")
    return {key.split(" ")[1]: int(quantity.replace(",", "")) for key, quantity in rows.items()}


def shown_once(page: Page, held: Mapping[str, int]) -> dict[str, int]:
    """What stands on the page as soon as it is `held`, or after some seconds: what was read is drawn a little later."""
    deadline = time.monotonic() + _DRAWN_SECONDS
    while (found := shown(page)) != held and time.monotonic() < deadline:
        continue
    return found


def _drained(page: Page) -> None:
    """Waits until a second has passed without a message."""
    deadline, heard = time.monotonic() + _DRAINED_SECONDS, -1
    while time.monotonic() < deadline:
        before, heard = heard, int(page.evaluate("watching.heard()"))
        if heard == before:
            return
        page.wait_for_timeout(1000)


def _equal(shown: Mapping[str, int], held: Mapping[str, int]) -> int:
    return sum(shown.get(symbol) == quantity for symbol, quantity in held.items())
