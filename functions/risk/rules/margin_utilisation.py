"""How much of the account's equity may keep its positions."""

from __future__ import annotations

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.losses import ACTS, WARN_AT
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule
from functions.risk.share_of_equity import MAX_AGE, MISSING, STALE, exceeds, refused_equity


@rule(
    code="MARGIN_UTILISATION",
    unit="percent of the account's equity",
    scopes=("global", "user", "account"),
    family="watch",
    acts=ACTS,
    parameters=(MAX_AGE, WARN_AT),
    denials=("MISSING_MARGIN", MISSING, STALE),
)
def margin_utilisation(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The margin requirement after the order is at most this part of the account's equity.

    The requirement that the broker told, as its word for buying_power; and what was opened since, working orders
    included, and this order: shares at half of their value, all of it on an account without margin and for crypto,
    options at what they keep at work. What was closed since gives nothing back. An order that takes nothing is not
    denied.
    """
    seen = ALLOWED
    facts = None if book.market is None else book.market.portfolio
    # Each on its own: what a tighter one takes for fresh, a wider scope's need not.
    for limit in limits.of("margin_utilisation"):
        refusal = refused_equity(None if facts is None else facts.money, limit)
        if refusal is not None:
            return refusal
        assert facts is not None and facts.money is not None  # noqa: PT018, S101 - said above
        money = facts.money
        if money.requires is None or money.adds is None:
            return deny("MISSING_MARGIN", missing=money.missing, limit=limit.value, scope=limit.scope)
        takes = facts.part(money.adds, order.quantity)
        after = money.requires + takes
        if takes > ZERO and exceeds(after, money, limit):
            return deny("MARGIN_UTILISATION", after=after, equity=money.equity, limit=limit.value, scope=limit.scope)
        if seen is ALLOWED:
            seen = allow(after=after, equity=money.equity, limit=limit.value, scope=limit.scope)
    return seen
