"""A pause after the closed trades have lost too much."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.closed import shown_time, span_of
from functions.risk.limits import ALL_SCOPES, Limits, Parameter
from functions.risk.rule import Verdict, allow, deny, rule

WITHIN = Parameter("within_minutes", "minutes", Decimal(1440), "How far back of each closing the fall is looked for.")
PAUSE = Parameter("pause_minutes", "minutes", Decimal(60), "How long nothing is entered after the closing that fell.")


@rule(
    code="MAX_DRAWDOWN_GUARD",
    unit="dollars",
    scopes=ALL_SCOPES,
    family="protection",
    denials=("MISSING_CLOSED_TRADES",),
    parameters=(WITHIN, PAUSE),
)
def max_drawdown_guard(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The sum of the closed trades' results falls no further than this from where it stood highest within the time.

    What is open is not counted. One closing that ends a deeper fall, and entries pause. A limit on a symbol is held
    against that symbol alone, an option counting as its underlying; a strategy's against that strategy, every wider one
    against the account.
    """
    closed = book.closed
    if closed is None:
        return deny("MISSING_CLOSED_TRADES")
    seen = None
    for limit in limits.of("max_drawdown_guard"):
        closings = closed.held_against(limit, order.legs[0].underlying or order.symbol)
        if closings is None:
            return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        if closings.deepest > limit.value or closed.complete_since is not None:
            within, pause = span_of(limit.parameter(WITHIN)), span_of(limit.parameter(PAUSE))
            times, sums, falls = closings.times, closings.sums, closings.falls
            last = len(times) - 1
            while last >= 0 and times[last] + pause > closed.at:
                if falls[last] > limit.value:
                    highest = max(sums[closings.first_after(times[last] - within) : last + 1])
                    fall = highest - sums[last + 1]
                    if fall > limit.value:
                        until = shown_time(times[last] + pause)
                        return deny("MAX_DRAWDOWN_GUARD", fall=fall, until=until, limit=limit.value, scope=limit.scope)
                last -= 1
            if closed.misses(within + pause):
                return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        if seen is None:
            seen = allow(deepest=closings.deepest, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen
