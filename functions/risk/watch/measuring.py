"""A limit on results held against what its scope has lost: pure, the same after a trade as in a backtest's loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from functions.risk.facts.results import ScopeResult
from functions.risk.limits import Limit
from functions.risk.losses import MAX_AGE, WARN_AT, Loss
from functions.risk.rules import drawdown_from_peak, drawdown_from_start, max_daily_loss

LOSSES: Mapping[str, Loss] = {
    "max_daily_loss": max_daily_loss.LOSS,
    "drawdown_from_peak": drawdown_from_peak.LOSS,
    "drawdown_from_start": drawdown_from_start.LOSS,
}
"""Which loss each limit counts."""
Stands = Literal["blind", "broken", "near", "well"]
"""Without a price that is new enough, beyond the limit, near enough to warn, or none of these."""


@dataclass(slots=True)
class Measured:
    """How a limit stands, and the loss in dollars that says so; None where it is not known."""

    stands: Stands
    lost: Decimal | None


def stands(measure: Decimal, limit: Decimal, parameters: Mapping[str, Decimal]) -> Stands:
    """How a limit stands by a measure that is known, in the limit's unit; just as much is still within."""
    if measure > limit:
        return "broken"
    near = limit * parameters.get(WARN_AT.name, WARN_AT.default) / 100
    return "near" if measure >= near and measure > 0 else "well"


def measured(limit: Limit, found: ScopeResult) -> Measured:
    """Holds what a scope has lost against its limit."""
    lost = LOSSES[limit.name](found)
    if lost is None or found.mark_age > limit.parameter(MAX_AGE):
        return Measured("blind", lost)
    return Measured(stands(lost, limit.value, limit.parameters), lost)
