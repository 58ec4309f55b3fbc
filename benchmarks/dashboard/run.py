"""All of what is measured of the dashboard, one after another, on one cloud."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.dashboard.bundle import File, entry
from benchmarks.dashboard.burst import Storm, burst
from benchmarks.dashboard.latency import Leg, latency
from benchmarks.dashboard.lighthouse import Score, scores
from local.stack import PROJECT, Stack

_CHANGES: Final = 1000
_SECONDS_OF_STORM: Final = 30.0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What was measured. `load` is the machine's in the minute before: what else ran stands in every number."""

    load: float
    entry: list[File]
    latency: list[Leg]
    storm: Storm
    lighthouse: list[Score]


def dashboard(stack: Stack, folder: Path, *, port: int) -> Dashboard:
    """Measures on a running cloud that has the dashboard's parts. Chromium listens at `port`. Raises Unavailable."""
    return Dashboard(
        round(os.getloadavg()[0], 1),
        entry(PROJECT / "dashboard" / "dist"),
        latency(stack, folder / "latency", changes=_CHANGES),
        burst(stack, folder / "burst", seconds=_SECONDS_OF_STORM),
        list(scores(stack, folder / "lighthouse", port=port)),
    )
