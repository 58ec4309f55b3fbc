"""What is known of the market beside a mark: quotes with their sizes, volumes, greeks, sectors, dates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """Of the symbols that are ordered or open, as of the order's event time."""
