"""What the gate finds: each of a kind, at a moment, with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

FindingKind = Literal["duplicate", "disorder", "gap", "malformed", "quote", "spike", "stale", "session", "split"]
"""`quote` is one with a side of zero or crossed sides; `session` is outside the regular session; `malformed` is what
cannot be read, a number that is none included."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with data of a symbol; `at` is its event time (UTC), `count` how many rows or minutes it is."""

    symbol: str
    feed: str
    kind: FindingKind
    at: datetime
    text: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that could not be read as a bar or a quote; `symbol` is empty where the row does not say."""

    symbol: str
    feed: str
    reason: str
    row: str
    at: datetime
    kind: Literal["malformed", "quote"] = "malformed"

    @property
    def finding(self) -> Finding:
        return Finding(self.symbol, self.feed, self.kind, self.at, f"{self.reason}: {self.row}")


def counted(findings: Sequence[Finding]) -> dict[FindingKind, int]:
    """How many rows or minutes of each kind, by name."""
    found: dict[FindingKind, int] = {}
    for finding in sorted(findings, key=lambda finding: finding.kind):
        found[finding.kind] = found.get(finding.kind, 0) + finding.count
    return found
