"""From the ledger's answer to what the rules look at of the market."""

from __future__ import annotations

from functions.core.ledger.judging import RiskBook
from functions.risk.facts.market import MarketFacts


def market_of(found: RiskBook) -> MarketFacts:
    """The facts of the market."""
    return MarketFacts(buying_back=found.market.buying_back)
