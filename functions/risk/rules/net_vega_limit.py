"""How much vega may be open."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.losses import ACTS, WARN_AT
from functions.risk.net_greeks import MAX_AGE, MISSING, STALE, held_to
from functions.risk.rule import Verdict, rule


@rule(
    code="NET_VEGA_LIMIT",
    unit="dollars",
    scopes=("account", "strategy"),
    family="watch",
    acts=ACTS,
    parameters=(MAX_AGE, WARN_AT),
    denials=(MISSING, STALE),
)
def net_vega_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What a rise of every implied volatility by one point gains or loses stays within the limit.

    That is the sum of vega x units. Counted as for net_delta_limit; shares have none.
    """
    return held_to("net_vega_limit", "NET_VEGA_LIMIT", "vega", order, book, limits)
