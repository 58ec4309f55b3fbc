"""What each scope has won and lost: since it began, at best, and in the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from functions.risk.limits import Scope

_ZERO = Decimal(0)


@dataclass(slots=True)
class ScopeResult:
    """What a scope has lost, dollars, zero where it has won: in the session day, from its best, from its start.

    None where something open has no mark; `missing` names it. `mark_age` is how many seconds of trading its oldest mark
    is old.
    """

    session_loss: Decimal | None
    from_peak: Decimal | None
    from_start: Decimal | None
    missing: str = ""
    mark_age: Decimal = _ZERO

    @classmethod
    def of(
        cls, result: Decimal | None, peak: Decimal, session_open: Decimal, missing: str = "", mark_age: Decimal = _ZERO
    ) -> ScopeResult:
        """From what was won so far, at best, and before the session day; each counts from zero at the start."""
        if result is None:
            return cls(None, None, None, missing, mark_age)
        return cls(
            max(session_open - result, _ZERO),
            max(peak - result, _ZERO),
            max(-result, _ZERO),
            mark_age=mark_age,
        )


NEVER_TRADED = ScopeResult(_ZERO, _ZERO, _ZERO)
"""A scope that has never held anything has lost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFacts:
    """Profit and loss by scope, dollars, as of the order's event time. A scope that is left out never traded."""

    scopes: Mapping[Scope, ScopeResult]

    def of(self, scope: Scope) -> ScopeResult:
        """What a scope has lost."""
        return self.scopes.get(scope, NEVER_TRADED)
