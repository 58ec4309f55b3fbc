"""How far a scope may fall below its best."""

from __future__ import annotations

from operator import attrgetter

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.losses import ACTS, MISSING, PARAMETERS, SCOPES, STALE, held_to
from functions.risk.rule import Verdict, rule

LOSS = attrgetter("from_peak")


@rule(
    code="DRAWDOWN_FROM_PEAK",
    unit="dollars",
    scopes=SCOPES,
    family="watch",
    acts=ACTS,
    parameters=PARAMETERS,
    denials=(MISSING, STALE),
)
def drawdown_from_peak(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """How far the scope is below the best that it ever was, open positions at their marks, stays within the limit.

    The best is zero, the start, at least.
    """
    return held_to("drawdown_from_peak", "DRAWDOWN_FROM_PEAK", LOSS, book, limits)
