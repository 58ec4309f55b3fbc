"""How much gamma may be open."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.losses import ACTS, WARN_AT
from functions.risk.net_greeks import MAX_AGE, MISSING, STALE, held_to
from functions.risk.rule import Verdict, rule


@rule(
    code="NET_GAMMA_LIMIT",
    unit="dollars",
    scopes=("account", "strategy"),
    family="watch",
    acts=ACTS,
    parameters=(MAX_AGE, WARN_AT),
    denials=(MISSING, STALE),
)
def net_gamma_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """How much the net delta changes for a rise of all underlyings by 1 % stays within the limit.

    That is the sum of gamma x units x the square of the price of the underlying / 100, in dollars of net_delta_limit.
    Counted as there; shares have none.
    """
    return held_to("net_gamma_limit", "NET_GAMMA_LIMIT", "gamma", order, book, limits)
