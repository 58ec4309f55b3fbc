"""A promise to reduce is kept."""

from __future__ import annotations

from functions.core.money import text
from functions.risk.book import NOTHING_OPEN, Book, ProposedOrder
from functions.risk.limits import Limits
from functions.risk.rule import Verdict, allow, deny, reduce, rule


@rule(
    code="NOTHING_TO_REDUCE",
    unit="shares or contracts",
    scopes=(),
    entries_only=False,
    denials=("MISSING_EXPOSURE",),
)
def reduce_only(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """An order marked reduce-only stays within the account's position, net of working closing orders.

    A larger one is cut down to it. Of several legs every one closes, and all are cut to the same whole units.
    """
    if not order.reduce_only:
        return allow()
    closable = book.closable_units(order)
    if closable is None:
        return deny("MISSING_EXPOSURE", scope="account")
    if closable == 0:
        account = book.exposures["account"]
        held = {leg.symbol: account.get(leg.symbol, NOTHING_OPEN).position for leg in order.legs}
        if order.several_legs:
            return deny(
                "NOTHING_TO_REDUCE", positions=" ".join(f"{text(q)} {s}" for s, q in held.items()), closable=closable
            )
        return deny("NOTHING_TO_REDUCE", position=held[order.symbol], closable=closable)
    if order.quantity > closable:
        return reduce(closable, quantity=order.quantity, closable=closable)
    return allow(quantity=order.quantity, closable=closable)
