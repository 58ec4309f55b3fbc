"""A greek of all that is open, held to a limit on its absolute value."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from functions.risk.book import ZERO, Book, ProposedOrder
from functions.risk.facts.portfolio import Net
from functions.risk.limits import Limits, Parameter
from functions.risk.rule import ALLOWED, Verdict, allow, deny

Greek = Literal["delta", "gamma", "vega"]
MAX_AGE = Parameter(
    "max_age_seconds", "seconds", Decimal(900), "How old the oldest mark or greek that is counted may be."
)
MISSING, STALE = "MISSING_GREEKS", "STALE_GREEKS"


def held_to(name: str, code: str, greek: Greek, order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What the order adds goes on top of all working orders that go its way, and is not offset by any that do not."""
    seen = ALLOWED
    facts = None if book.market is None else book.market.portfolio
    for limit in limits.of(name):
        known = None if facts is None else facts.greeks.get(limit.scope)
        if facts is None or known is None or known.missing:
            return deny(MISSING, symbol="all" if known is None else known.missing, greeks="missing", scope=limit.scope)
        if known.age_seconds > limit.parameter(MAX_AGE):
            most = limit.parameter(MAX_AGE)
            return deny(STALE, symbol=known.oldest, age_seconds=known.age_seconds, limit=most, scope=limit.scope)
        net: Net = getattr(known, greek)
        adds = net.adds if order.quantity == facts.quantity else net.adds * order.quantity / facts.quantity
        after = (net.high if adds > ZERO else net.low) + adds
        beyond = after > limit.value if adds > ZERO else -after > limit.value
        if beyond and adds and not _lowers(net, adds, limit.value):
            return deny(code, after=after, held=net.held, limit=limit.value, scope=limit.scope)
        if seen is ALLOWED:
            seen = allow(after=after, held=net.held, limit=limit.value, scope=limit.scope)
    return seen


def _lowers(net: Net, adds: Decimal, limit: Decimal) -> bool:
    """Whether less is left after it than is held: and no working order of its way has used up the room already."""
    if adds > ZERO:
        return net.high <= limit and net.high + adds < -net.held
    return -net.low <= limit and -(net.low + adds) < net.held
