"""Lighthouse's scores of the sign-in page and of two pages of somebody who is signed in.

Lighthouse joins the Chromium in which a trader has signed in, by its port, and leaves the session there. It looks at
nothing outside of this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.dashboard.scene import browsing, positions, signed_in
from functions.core.errors import Unavailable
from local.stack import PROJECT, Stack
from local.supervisor import tools

PROGRAM: Final = PROJECT / ".tools" / "lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
GOALS: Final = {"performance": 0.95, "accessibility": 1.0, "best-practices": 1.0}
GOAL_SHIFT: Final = 0.05
_POSITIONS: Final = 20
_PAGES: Final = {"Overview": "/", "Trade": "/trade/ZZAA"}


@dataclass(frozen=True, slots=True)
class Score:
    """Of one page on one device. `shift` is the cumulative layout shift; `lost` names the audits that cost points."""

    page: str
    device: str
    scores: dict[str, float]
    shift: float
    first_paint_ms: float
    largest_paint_ms: float
    blocked_ms: float
    lost: list[str]

    @property
    def is_met(self) -> bool:
        return self.shift < GOAL_SHIFT and all(self.scores[name] >= goal for name, goal in GOALS.items())


def scores(stack: Stack, profile: Path, *, port: int) -> Iterator[Score]:
    """Each page on a desktop and on a phone. Raises Unavailable where Lighthouse or Chromium is not there."""
    if not PROGRAM.exists():
        raise Unavailable("NO_LIGHTHOUSE", "Lighthouse is not fetched; `make bench ARGS=--dashboard` fetches it")
    with positions(stack, "lighthouse", _POSITIONS) as (trader, _), browsing(stack, profile, port=port) as context:
        for device in ("desktop", "phone"):
            yield _score(stack, port, "Sign in", "/sign-in", device)
        signed_in(context, trader, "/").close()
        for page, path in _PAGES.items():
            for device in ("desktop", "phone"):
                yield _score(stack, port, page, path, device)


def _score(stack: Stack, port: int, page: str, path: str, device: str) -> Score:
    asked = [f"{stack.url('dashboard')}{path}", f"--port={port}", "--disable-storage-reset"]
    asked += ["--output=json", "--quiet", "--no-enable-error-reporting", f"--only-categories={','.join(GOALS)}"]
    if device == "desktop":
        asked.append("--preset=desktop")
    report: dict[str, Any] = json.loads(_run(asked))
    if "runtimeError" in report:
        raise Unavailable("LIGHTHOUSE_FAILED", f"{page} on a {device}: {report['runtimeError']}")
    audits = report["audits"]

    def value(name: str) -> float:
        return float(audits[name]["numericValue"])

    return Score(
        page,
        device,
        {name: float(report["categories"][name]["score"]) for name in GOALS},
        round(value("cumulative-layout-shift"), 4),
        round(value("first-contentful-paint")),
        round(value("largest-contentful-paint")),
        round(value("total-blocking-time")),
        sorted(_lost(report)),
    )


def _lost(report: dict[str, Any]) -> Iterator[str]:
    for category in report["categories"].values():
        for one in category["auditRefs"]:
            score = report["audits"][one["id"]]["score"]
            if one["weight"] and score is not None and score < 1:
                yield f"{one['id']} {score}"


def _run(arguments: Sequence[str]) -> str:
    node = tools.node()
    if node is None:
        raise Unavailable("NO_NODE", "Lighthouse needs Node; run `make setup`")
    done = subprocess.run(
        [node, str(PROGRAM), *arguments], env=os.environ | {"CI": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable("LIGHTHOUSE_FAILED", f"Lighthouse ended: {done.stderr.strip()[-500:]}")
    return done.stdout
