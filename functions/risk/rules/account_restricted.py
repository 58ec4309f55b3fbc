"""What the broker does not let the account do at all."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="ACCOUNT_BLOCKED",
    unit="the broker's word",
    scopes=(),
    denials=("CLOSING_ONLY", "MISSING_ACCOUNT_RULES"),
)
def account_restricted(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The broker neither blocks the account nor lets it only close.

    Its newest word counts, as a gate does. An account into which nothing was entered has no broker to ask: nothing is
    sent from it, and this and the other rules of the account let its orders pass.
    """
    if book.account is None:
        return allow(account="nothing entered")
    rules = book.account.rules
    if rules is None:
        return deny("MISSING_ACCOUNT_RULES", rules="missing")
    if rules.blocked is not None:
        return deny("ACCOUNT_BLOCKED", blocked=rules.blocked)
    if rules.closing_only:
        return deny("CLOSING_ONLY", closing_only="yes")
    return allow(closing_only="no")
