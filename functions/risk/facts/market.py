"""What is known of the market beside a mark: quotes with their sizes, volumes, greeks, sectors, dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from functions.risk.facts.portfolio import PortfolioFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """Of the symbols that are ordered or open, as of the order's event time.

    `buying_back` is what the platform itself buys back at the market of sold options, because it flattens or exits;
    `portfolio` is None where no limit asks for it.
    """

    portfolio: PortfolioFacts | None = None
    buying_back: Mapping[str, Decimal] = field(default_factory=dict)
