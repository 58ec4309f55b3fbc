"""What could lose without a bound needs a word of its own."""

from __future__ import annotations

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule
from functions.risk.uncovering import leaves_uncovered

_LEVEL = 4


def permitted(book: Book, limits: Limits) -> bool:
    """Whether somebody has said so, and the broker does: an account that nothing was entered into has none."""
    said = limits.tightest("undefined_risk", ZERO)
    if said is None or said.value < 1:
        return False
    account = book.account
    return account is None or (account.rules is not None and account.rules.options_level >= _LEVEL)


@rule(
    code="UNDEFINED_RISK",
    unit="1 = allowed",
    scopes=("account", "strategy"),
    default=ZERO,
    denials=("MISSING_EXPOSURE",),
)
def undefined_risk(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A call that is sold to open and that neither bought options nor shares cover is sold only where this is 1.

    It could lose without a bound. Where it is set for the account and the strategy, both must be 1, and the account
    needs level 4. Puts have a bound, their strike; shares that are sold short are held to by the other rules.
    """
    for leg in order.legs:
        if leg.kind == "option" and leg.right == "call" and leg.side == "sell" and not leg.closes:
            break
    else:
        return ALLOWED
    if book.exposure("account") is None:
        return deny("MISSING_EXPOSURE", scope="account")
    calls = leaves_uncovered(order, book).calls
    if calls == 0:
        return allow(units_of_calls=calls)
    if permitted(book, limits):
        return allow(units_of_calls=calls, undefined_risk="permitted")
    return deny("UNDEFINED_RISK", units_of_calls=calls, permission="set the limit undefined_risk to 1, at level 4")
