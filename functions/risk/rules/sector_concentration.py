"""How much of the account one sector may be."""

from __future__ import annotations

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.limits import WIDE_SCOPES, Limits
from functions.risk.losses import ACTS, WARN_AT
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule
from functions.risk.share_of_equity import MAX_AGE, MISSING, STALE, exceeds, refused_equity


@rule(
    code="SECTOR_CONCENTRATION",
    unit="percent of the account's equity",
    scopes=WIDE_SCOPES,
    family="watch",
    acts=ACTS,
    parameters=(MAX_AGE, WARN_AT),
    source="sectors",
    denials=("MISSING_SECTOR", MISSING, STALE, "MISSING_EXPOSURE", "MISSING_MARK"),
)
def sector_concentration(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What is open in the sector of the order's underlying after it is at most this part of the account's equity.

    Counted as for symbol_concentration. An order in what has no sector is denied; what is open and has none counts in
    every sector. An order that adds nothing is not denied.
    """
    seen = ALLOWED
    facts = None if book.market is None else book.market.portfolio
    for limit in limits.of("sector_concentration"):
        refusal = refused_equity(None if facts is None else facts.money, limit)
        if refusal is not None:
            return refusal
        assert facts is not None and facts.money is not None  # noqa: PT018, S101 - said above
        if facts.sector is None:
            return deny("MISSING_SECTOR", underlying=facts.underlying, sector="missing")
        held = facts.held.get("strategy" if limit.scope == "strategy" else "account")
        if held is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        if held.of_sector is None or held.adds is None:
            return deny("MISSING_MARK", symbol=held.missing, mark="missing")
        adds = facts.part(held.adds, order.quantity)
        after = held.of_sector + adds
        if adds > ZERO and exceeds(after, facts.money, limit):
            return deny(
                "SECTOR_CONCENTRATION",
                sector=facts.sector,
                after=after,
                equity=facts.money.equity,
                limit=limit.value,
                scope=limit.scope,
            )
        if seen is ALLOWED:
            seen = allow(
                sector=facts.sector, after=after, equity=facts.money.equity, limit=limit.value, scope=limit.scope
            )
    return seen
