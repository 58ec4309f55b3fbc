"""What was ordered: the account's working orders, and how many orders each scope has placed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """Of the order's account and scopes, the order itself left out, as of its event time."""
