"""Day trades of a small margin account."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.limits import Limits, Parameter
from functions.risk.rule import Verdict, allow, deny, rule

BELOW = Parameter(
    "below_equity",
    "dollars",
    Decimal(25_000),
    "Accounts whose equity was this or more before the session are not held.",
)


@rule(
    code="DAY_TRADES",
    unit="day trades",
    scopes=("global", "user", "account"),
    parameters=(BELOW,),
    denials=("MISSING_DAY_TRADES", "MISSING_EQUITY", "MISSING_ACCOUNT_RULES"),
)
def day_trade_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """A margin account of little equity enters nothing once it has made this many day trades in five sessions.

    A day trade opens and closes a position in one symbol on one exchange day; several orders in between that only open,
    or only close, make one of it. The five sessions end with that of the order. 3 keeps an account from being a pattern
    day trader in the sense of FINRA rule 4210(f)(8)(B). Only entries are denied: what was opened today may be closed
    today, and counts. Cash accounts are not asked.
    """
    if book.account is None:
        return allow(account="nothing entered")
    rules, facts = book.account.rules, book.orders
    if rules is None:
        return deny("MISSING_ACCOUNT_RULES", rules="missing")
    if rules.is_margin is False:
        return allow(account="not a margin account")
    if facts is None or facts.day_trades is None:
        return deny("MISSING_DAY_TRADES", day_trades="missing")
    if facts.equity is None:
        return deny("MISSING_EQUITY", equity="missing")
    for limit in limits.of("day_trade_limit"):
        if facts.day_trades >= limit.value and facts.equity < limit.parameter(BELOW):
            return deny(
                "DAY_TRADES",
                day_trades=facts.day_trades,
                limit=limit.value,
                equity=facts.equity,
                below_equity=limit.parameter(BELOW),
                scope=limit.scope,
            )
    return allow(day_trades=facts.day_trades, equity=facts.equity)
