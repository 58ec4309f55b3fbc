"""From what the ledger says of profit and loss to what the rules and the watch look at."""

from __future__ import annotations

from functions.core.ledger.book_results import BookResult, BookResults
from functions.risk.facts.results import ResultFacts, ScopeResult


def results_of(found: BookResults) -> ResultFacts | None:
    """The facts of an order's scopes; None where they were not reckoned."""
    if found.scopes is None:
        return None
    return ResultFacts(scopes={row.scope: scope_result(row) for row in found.scopes})


def scope_result(row: BookResult) -> ScopeResult:
    """The facts of one scope."""
    return ScopeResult.of(row.result, row.peak, row.session_open, ", ".join(row.missing), row.mark_age)
