"""What each scope has won and lost: since it began, at best, and in the session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFacts:
    """Profit and loss by scope, dollars, as of the order's event time."""
