"""How much delta may be open."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.losses import ACTS, WARN_AT
from functions.risk.net_greeks import MAX_AGE, MISSING, STALE, held_to
from functions.risk.rule import Verdict, rule


@rule(
    code="NET_DELTA_LIMIT",
    unit="dollars",
    scopes=("account", "strategy"),
    family="watch",
    acts=ACTS,
    parameters=(MAX_AGE, WARN_AT),
    denials=(MISSING, STALE),
)
def net_delta_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What the account, or the strategy, gains or loses for a rise of all underlyings by 100 % stays within the limit.

    That is the sum of delta x units x price of the underlying: shares count with their value. In either direction;
    working orders count where they go the order's way. Greeks are those of the feed, else by Black and Scholes at 4 % a
    year from the middle of the quote or the mark; a number older than the limit's max_age_seconds denies. An order that
    lowers the absolute value of what is held passes.
    """
    return held_to("net_delta_limit", "NET_DELTA_LIMIT", "delta", order, book, limits)
