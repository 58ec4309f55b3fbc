"""A pause after too many losses in a row."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.closed import shown_time, span_of
from functions.risk.limits import ALL_SCOPES, Limits, Parameter
from functions.risk.rule import Verdict, allow, deny, rule

WITHIN = Parameter("within_minutes", "minutes", Decimal(1440), "How close together the losses are that count.")
PAUSE = Parameter("pause_minutes", "minutes", Decimal(60), "How long nothing is entered after the last of them.")


@rule(
    code="CONSECUTIVE_LOSSES_GUARD",
    unit="losses",
    scopes=ALL_SCOPES,
    family="protection",
    denials=("MISSING_CLOSED_TRADES",),
    parameters=(WITHIN, PAUSE),
)
def consecutive_losses_guard(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No more than so many closed trades in a row lose within the time; one more, and entries pause.

    A trade that does not lose ends the row. The breaker `circuit_losses` halts until a person looks; this one goes on
    by itself. A limit on a symbol counts that symbol's, an option counting as its underlying; a strategy's that
    strategy's, every wider one the account's.
    """
    closed = book.closed
    if closed is None:
        return deny("MISSING_CLOSED_TRADES")
    seen = None
    for limit in limits.of("consecutive_losses_guard"):
        closings = closed.held_against(limit, order.legs[0].underlying or order.symbol)
        if closings is None:
            return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        if closings.longest > limit.value or closed.complete_since is not None:
            times, losing, allowed = closings.times, closings.losing, int(limit.value)
            last = len(times) - 1
            within, pause = span_of(limit.parameter(WITHIN)), span_of(limit.parameter(PAUSE))
            while last >= allowed and times[last] + pause > closed.at:
                if losing[last] > allowed and times[last] - times[last - allowed] < within:
                    row, until = losing[last], shown_time(times[last] + pause)
                    return deny(
                        "CONSECUTIVE_LOSSES_GUARD", losses=row, until=until, limit=limit.value, scope=limit.scope
                    )
                last -= 1
            if closed.misses(within + pause):
                return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        if seen is None:
            seen = allow(most_losses=closings.longest, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen
