"""How long an option has left. Apart from what it is worth, which takes numpy: who starts cold often only asks when."""

from __future__ import annotations

from datetime import datetime, timedelta

DAYS_PER_YEAR = 365.0
_YEAR = timedelta(days=DAYS_PER_YEAR)
_SHORTEST_YEARS = 1e-6


def years_between(now: datetime, expires_at: datetime) -> float:
    """Time left in years of 365 days; never quite zero, so that every value is defined."""
    return max((expires_at - now) / _YEAR, _SHORTEST_YEARS)
