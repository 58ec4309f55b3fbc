"""What may be sold short."""

from __future__ import annotations

from functions.risk.book import NOTHING_OPEN, Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="NOT_SHORTABLE",
    unit="the broker's word",
    scopes=(),
    denials=("MISSING_ACCOUNT_RULES", "MISSING_EXPOSURE"),
)
def shortable(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A sell that opens a short position, or turns a long one, needs an account that may sell short.

    Working sells are counted as filled. Where a list says that the symbol cannot be borrowed, it is denied too.
    Options are another rule's.
    """
    if book.account is None:
        return allow(account="nothing entered")
    account = book.exposure("account")
    for leg in order.legs:
        if leg.kind == "option" or leg.side == "buy":
            continue
        if account is None:
            return deny("MISSING_EXPOSURE", scope="account")
        short = account.get(leg.symbol, NOTHING_OPEN).with_leg(leg).toward("sell")
        if short == 0:
            continue
        if book.account.rules is None:
            return deny("MISSING_ACCOUNT_RULES", rules="missing")
        if not book.account.rules.may_short:
            return deny("NOT_SHORTABLE", symbol=leg.symbol, short=short, account="may not sell short")
        if leg.shortable is False:
            return deny("NOT_SHORTABLE", symbol=leg.symbol, short=short, listed="not shortable")
    return allow()
