"""How much of the account one symbol may be."""

from __future__ import annotations

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.losses import ACTS, WARN_AT
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule
from functions.risk.share_of_equity import MAX_AGE, MISSING, STALE, exceeds, refused_equity


@rule(
    code="SYMBOL_CONCENTRATION",
    unit="percent of the account's equity",
    scopes=ALL_SCOPES,
    counts=False,
    family="watch",
    acts=ACTS,
    parameters=(MAX_AGE, WARN_AT),
    denials=(MISSING, STALE, "MISSING_EXPOSURE", "MISSING_MARK"),
)
def symbol_concentration(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What is open in the order's underlying after it is at most this part of the account's equity.

    Shares count at the mark and the worse of their two sides, the order's own at its limit or stop where that is more;
    options on them at what they keep at work, as for capital_limit. Working orders are included. The equity is the
    broker's word as for buying_power. A limit of the strategy counts what the strategy has, every other one what the
    account has. An order that adds nothing is not denied.
    """
    seen = ALLOWED
    facts = None if book.market is None else book.market.portfolio
    for limit in limits.of("symbol_concentration"):
        refusal = refused_equity(None if facts is None else facts.money, limit)
        if refusal is not None:
            return refusal
        assert facts is not None and facts.money is not None  # noqa: PT018, S101 - said above
        held = facts.held.get("strategy" if limit.scope == "strategy" else "account")
        if held is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        if held.of_symbol is None or held.adds is None:
            return deny("MISSING_MARK", symbol=held.missing, mark="missing")
        adds = facts.part(held.adds, order.quantity)
        after = held.of_symbol + adds
        if adds > ZERO and exceeds(after, facts.money, limit):
            return deny(
                "SYMBOL_CONCENTRATION",
                underlying=facts.underlying,
                after=after,
                equity=facts.money.equity,
                limit=limit.value,
                scope=limit.scope,
            )
        if seen is ALLOWED:
            seen = allow(after=after, equity=facts.money.equity, limit=limit.value, scope=limit.scope)
    return seen
