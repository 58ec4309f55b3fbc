"""The trades that were closed lately: what the protections look at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrades:
    """Of the order's account, newest last, those closed by the order's event time."""
