"""How much a scope may lose in all."""

from __future__ import annotations

from operator import attrgetter

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.losses import ACTS, MISSING, PARAMETERS, SCOPES, STALE, held_to
from functions.risk.rule import Verdict, rule

LOSS = attrgetter("from_start")


@rule(
    code="DRAWDOWN_FROM_START",
    unit="dollars",
    scopes=SCOPES,
    family="watch",
    acts=ACTS,
    parameters=PARAMETERS,
    denials=(MISSING, STALE),
)
def drawdown_from_start(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What the scope has lost since before its first fill, open positions at their marks, stays within the limit."""
    return held_to("drawdown_from_start", "DRAWDOWN_FROM_START", LOSS, book, limits)
