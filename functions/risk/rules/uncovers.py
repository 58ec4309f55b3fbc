"""What covers a sold option is not let go before it."""

from __future__ import annotations

from decimal import Decimal

from functions.core.money import text
from functions.risk.book import NOTHING_OPEN, ZERO, Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.roots import root_of, roots_of
from functions.risk.rule import ALLOWED, Verdict, allow, deny, rule
from functions.risk.rules.undefined_risk import permitted
from functions.risk.uncovering import leaves_uncovered

_TO_DO = "close the whole package in one order, or what is sold first"


@rule(code="LEAVES_UNCOVERED", unit="contracts", scopes=(), entries_only=False, denials=("MISSING_EXPOSURE",))
def uncovers(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No sale of bought options or of shares leaves a sold call or put without cover, though it only reduces.

    A put that the account's cash pays is covered. Counted over the account, what is being sold or waits to be bought
    back left out, except what a halt, a deactivation or an exit buys back at the market: that goes first. An account
    with level 4 and the permission `undefined_risk` may. Close the whole package in one order, or what is sold first.
    """
    for leg in order.legs:
        if leg.side == "sell" and (leg.kind != "option" or leg.closes):
            break
    else:
        return ALLOWED
    if book.exposure("account") is None:
        return deny("MISSING_EXPOSURE", scope="account")
    left = leaves_uncovered(order, book)
    if not left.more:
        return _counted_on(order, book, limits)
    if permitted(book, limits):
        return allow(units_of_calls=left.calls, puts=left.puts, undefined_risk="permitted")
    return deny("LEAVES_UNCOVERED", units_of_calls=left.calls, puts=left.puts, to_do=_TO_DO)


def _counted_on(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """Names what has to be bought back first, and how much of it is to remain sold: the ledger asks when it sends."""
    back = {} if book.market is None else book.market.buying_back
    if not back or not leaves_uncovered(order, book, bought_back=False).more or permitted(book, limits):
        return ALLOWED
    exposure, roots = book.exposure("account") or {}, roots_of(order)
    remain: dict[str, Decimal] = {
        symbol: max(-exposure.get(symbol, NOTHING_OPEN).position - quantity, ZERO)
        for symbol, quantity in back.items()
        if root_of(symbol) in roots
    }
    return allow(bought_back=" ".join(f"{symbol}={text(count)}" for symbol, count in sorted(remain.items())))
