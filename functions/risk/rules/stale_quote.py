"""No entry on an old price."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Limit, Limits
from functions.risk.rule import Verdict, allow, deny, rule

_MICROSECOND = timedelta(microseconds=1)
_DEFAULT = Decimal(120)
_WITHOUT = Limit("stale_quote", "account", _DEFAULT)


@rule(
    code="STALE_QUOTE",
    unit="seconds",
    scopes=ALL_SCOPES,
    default=_DEFAULT,
    denials=("MISSING_QUOTE",),
)
def stale_quote(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The symbol's mark is no older than the limit at the event time; a mark quoted after it has the age 0.

    Of several legs each symbol's. An order in options is not rejected for this: it waits for a quote until its time is
    over, and expires.
    """
    limit = limits.tightest("stale_quote") or _WITHOUT
    oldest = ZERO
    for leg in order.legs:
        mark = book.marks.get(leg.symbol)
        if mark is None:
            return deny("MISSING_QUOTE", symbol=leg.symbol, quote="missing")
        if mark.quoted_at >= order.event_time:
            continue
        age = Decimal((order.event_time - mark.quoted_at) // _MICROSECOND).scaleb(-6)
        if age > limit.value:
            named = {"symbol": leg.symbol} if order.several_legs else {}
            return deny("STALE_QUOTE", **named, age_seconds=age, limit_seconds=limit.value, scope=limit.scope)
        if age > oldest:
            oldest = age
    return allow(age_seconds=oldest, limit_seconds=limit.value, scope=limit.scope)
