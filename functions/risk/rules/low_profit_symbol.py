"""A pause for a symbol that does not earn."""

from __future__ import annotations

from decimal import Decimal

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.closed import shown_time, span_of
from functions.risk.limits import ALL_SCOPES, Limits, Parameter
from functions.risk.rule import Number, Verdict, allow, deny, rule

WITHIN = Parameter(
    "within_minutes", "minutes", Decimal(10080), "How far back of the last closing the results are summed."
)
TRADES = Parameter("trades", "closed trades", Decimal(2), "How many there must be for the sum to say something.")
PAUSE = Parameter("pause_minutes", "minutes", Decimal(1440), "How long it is not entered after the last of them.")


@rule(
    code="LOW_PROFIT_SYMBOL",
    unit="dollars",
    scopes=ALL_SCOPES,
    family="protection",
    tighter="higher",
    denials=("MISSING_CLOSED_TRADES",),
    parameters=(WITHIN, TRADES, PAUSE),
)
def low_profit_symbol(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What the closed trades of the symbol have earned together within the time is at least this; else it is paused.

    The last closing is looked at with those before it, once there are enough of them; one that earns enough ends the
    pause. An option counts as its underlying. A strategy's limit looks at what that strategy closed, every wider one at
    the account.
    """
    closed = book.closed
    if closed is None:
        return deny("MISSING_CLOSED_TRADES")
    symbol = order.legs[0].underlying or order.symbol
    seen = None
    for limit in limits.of("low_profit_symbol"):
        held = closed.strategy if limit.scope == "strategy" else closed.account
        if held is None:
            return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        closings = held.by_symbol.get(symbol)
        if closings is not None:
            last = closings.times[-1]
            until = last + span_of(limit.parameter(PAUSE))
            if until > closed.at:
                first = closings.first_after(last - span_of(limit.parameter(WITHIN)))
                profit = closings.sums[-1] - closings.sums[first]
                if profit < limit.value and len(closings.times) - first >= limit.parameter(TRADES):
                    said: dict[str, Number] = {"symbol": symbol, "profit": profit, "until": shown_time(until)}
                    return deny("LOW_PROFIT_SYMBOL", **said, limit=limit.value, scope=limit.scope)
        if closed.complete_since is not None:
            span = span_of(limit.parameter(WITHIN)) + span_of(limit.parameter(PAUSE))
            if closed.misses(span):
                return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        if seen is None:
            count = 0 if closings is None else len(closings.times)
            seen = allow(closed_trades=count, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen
