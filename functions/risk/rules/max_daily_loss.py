"""How much may be lost in a session day."""

from __future__ import annotations

from operator import attrgetter

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.losses import ACTS, MISSING, PARAMETERS, SCOPES, STALE, held_to
from functions.risk.rule import Verdict, rule

LOSS = attrgetter("session_loss")


@rule(
    code="MAX_DAILY_LOSS",
    unit="dollars",
    scopes=SCOPES,
    family="watch",
    acts=ACTS,
    parameters=PARAMETERS,
    denials=(MISSING, STALE),
)
def max_daily_loss(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What the scope has lost in the session day, realised and unrealised, fees deducted, stays within the limit.

    It counts from the last result that was known before the day, so that a gap over night is the day's.
    """
    return held_to("max_daily_loss", "MAX_DAILY_LOSS", LOSS, book, limits)
