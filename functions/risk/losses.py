"""How an order is held to what its scopes have lost: the rules on results differ only in which loss they count."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from functions.risk.book import Book
from functions.risk.facts.results import ScopeResult
from functions.risk.limits import Act, Limits, Parameter, Scope
from functions.risk.rule import Verdict, allow, deny

Loss = Callable[[ScopeResult], Decimal | None]
"""Which loss of a scope a limit counts."""

SCOPES: tuple[Scope, ...] = ("user", "account", "strategy")
ACTS: tuple[Act, ...] = ("warn", "block_entries", "cancel", "reduce", "flatten", "deactivate")
MISSING, STALE = "MISSING_RESULT", "STALE_RESULT"
MAX_AGE = Parameter("max_age_seconds", "seconds", Decimal(300), "a mark of what is open is no older, in session")
WARN_AT = Parameter("warn_at", "percent", Decimal(80), "at so much of the limit a warning is raised, once")
BLIND_AFTER = Parameter("blind_after", "minutes", Decimal(5), "so long without a price, and an alert says so")
PARAMETERS = (MAX_AGE, WARN_AT, BLIND_AFTER)


def held_to(name: str, code: str, loss: Loss, book: Book, limits: Limits) -> Verdict:
    """The verdict of a rule on results: each limit is held against its own scope."""
    results = book.results
    if results is None:
        return deny(MISSING, results="missing")
    seen: Verdict | None = None
    for limit in limits.of(name):
        found = results.of(limit.scope)
        lost = loss(found)
        if lost is None:
            return deny(MISSING, scope=limit.scope, no_mark=found.missing)
        if found.mark_age > limit.parameter(MAX_AGE):
            return deny(STALE, scope=limit.scope, age_seconds=found.mark_age, limit_seconds=limit.parameter(MAX_AGE))
        if lost > limit.value:
            return deny(code, lost=lost, limit=limit.value, scope=limit.scope)
        if seen is None:
            seen = allow(lost=lost, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen
