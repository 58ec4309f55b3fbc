"""A promise to reduce is kept."""

from __future__ import annotations

from functions.risk.book import NOTHING_OPEN, Book, Limits, ProposedOrder
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

    A larger one is cut down to it.
    """
    if not order.reduce_only:
        return allow()
    account = book.exposure("account")
    if account is None:
        return deny("MISSING_EXPOSURE", scope="account")
    open_quantity = account.get(order.symbol, NOTHING_OPEN)
    closable = open_quantity.closable(order.side)
    if closable == 0:
        return deny("NOTHING_TO_REDUCE", position=open_quantity.position, closable=closable)
    if order.quantity > closable:
        return reduce(closable, quantity=order.quantity, closable=closable)
    return allow(quantity=order.quantity, closable=closable)
