"""A pause after too many stops."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.closed import shown_time, span_of
from functions.risk.limits import ALL_SCOPES, Limits, Parameter
from functions.risk.rule import Verdict, allow, deny, rule

WITHIN = Parameter("within_minutes", "minutes", Decimal(60), "How close together the stops are that count.")
PAUSE = Parameter("pause_minutes", "minutes", Decimal(60), "How long nothing is entered after the last of them.")


@rule(
    code="STOP_LOSS_GUARD",
    unit="stops",
    scopes=ALL_SCOPES,
    family="protection",
    denials=("MISSING_CLOSED_TRADES",),
    parameters=(WITHIN, PAUSE),
)
def stop_loss_guard(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """No more than so many losing exits by a stop or a trailing stop within the time; one more, and entries pause.

    A limit on a symbol counts that symbol's and pauses that symbol, an option counting as its underlying. A strategy's
    counts that strategy's, every wider one the account's.
    """
    closed = book.closed
    if closed is None:
        return deny("MISSING_CLOSED_TRADES")
    seen = None
    for limit in limits.of("stop_loss_guard"):
        closings = closed.held_against(limit, order.legs[0].underlying or order.symbol)
        if closings is None:
            return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        stops = closings.stops
        if len(stops) > limit.value or closed.complete_since is not None:
            last, allowed = len(stops) - 1, int(limit.value)
            within, pause = span_of(limit.parameter(WITHIN)), span_of(limit.parameter(PAUSE))
            while last >= allowed and stops[last] + pause > closed.at:
                if stops[last] - stops[last - allowed] < within:
                    until = shown_time(stops[last] + pause)
                    return deny("STOP_LOSS_GUARD", until=until, limit=limit.value, scope=limit.scope)
                last -= 1
            if closed.misses(within + pause):
                return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        if seen is None:
            seen = allow(stops=len(stops), limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen
