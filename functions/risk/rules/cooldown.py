"""How soon after an exit a symbol may be entered again."""

from __future__ import annotations

from functions.risk.book import Book, ProposedOrder
from functions.risk.facts.closed import shown_time, span_of
from functions.risk.limits import ALL_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="COOLDOWN",
    unit="minutes",
    scopes=ALL_SCOPES,
    family="protection",
    tighter="higher",
    denials=("MISSING_CLOSED_TRADES",),
)
def cooldown(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The symbol is entered again no sooner than so many minutes after something of it was closed, whatever closed it.

    A part counts as the whole does. An option's symbol is its underlying. A strategy's limit looks at what that
    strategy closed, every wider one at the account.
    """
    closed = book.closed
    if closed is None:
        return deny("MISSING_CLOSED_TRADES")
    symbol = order.legs[0].underlying or order.symbol
    seen = None
    for limit in limits.of("cooldown"):
        closings = closed.strategy if limit.scope == "strategy" else closed.account
        if closings is None:
            return deny("MISSING_CLOSED_TRADES", scope=limit.scope)
        of_symbol = closings.by_symbol.get(symbol)
        if of_symbol is not None:
            until = of_symbol.times[-1] + span_of(limit.value)
            if until > closed.at:
                return deny("COOLDOWN", symbol=symbol, until=shown_time(until), limit=limit.value, scope=limit.scope)
        if seen is None:
            exits = 0 if of_symbol is None else len(of_symbol.times)
            seen = allow(exits=exits, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen
