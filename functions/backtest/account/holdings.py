"""What the account holds by the ledger's own rules: at average cost, its own and each owner's, and lot by lot.

Exact, with the ledger's rounding: half away from zero at ten places, what is given out in parts by running totals.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from functions.risk.book import ZERO

_EXACT = Context(prec=80)
_TEN_PLACES = Decimal(1).scaleb(-10)
MANUAL = "manual"
"""The owner of what no strategy has ordered."""


def portion(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`total` x `part` / `whole`, rounded."""
    return total if part == whole else rounded(_EXACT.divide(_EXACT.multiply(total, part), whole))


def rounded(value: Decimal) -> Decimal:
    """At ten places, half away from zero."""
    return value.quantize(_TEN_PLACES, ROUND_HALF_UP, _EXACT)


@dataclass(slots=True)
class Heap:
    """A position at average cost: signed quantity, what it cost, what it has realised, and fees, dollars."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO

    def take(self, signed: Decimal, value: Decimal) -> None:
        """A signed quantity for a value in dollars; a positive value was paid."""
        held = self.quantity
        self.quantity = held + signed
        if held == 0 or (held > 0) == (signed > 0):
            self.cost += value
        elif abs(signed) <= abs(held):
            released = portion(self.cost, abs(signed), abs(held))
            self.cost -= released
            self.realised -= value + released
        else:
            # Through zero: what closes takes its part of the value, what opens the rest.
            closing = portion(value, abs(held), abs(signed))
            self.realised -= closing + self.cost
            self.cost = value - closing


@dataclass(slots=True)
class Lot:
    """What one order opened of a symbol, and what is left of it."""

    opened_by: str
    owner: str
    quantity: Decimal
    cost: Decimal


@dataclass(slots=True)
class LotClosing:
    """A part of a lot that was closed: signed as the lot, its cost, and what it has realised."""

    quantity: Decimal
    cost: Decimal
    realised: Decimal


class Holding:
    """One symbol of the account."""

    __slots__ = ("account", "lots", "multiplier", "owners")

    def __init__(self, multiplier: Decimal) -> None:
        self.multiplier = multiplier
        self.account = Heap()
        self.owners: dict[str, Heap] = {}
        self.lots: deque[Lot] = deque()

    def fill(self, order_id: str, owner: str, signed: Decimal, price: Decimal, fee: Decimal) -> list[LotClosing]:
        """Books an execution; returns what it closed, first in first out, whosever it was."""
        value = rounded(signed * price * self.multiplier)
        held = self.account.quantity
        self.account.take(signed, value)
        own = self.owners.get(owner)
        if own is None:
            own = self.owners[owner] = Heap()
        own.take(signed, value)
        self.account.fees += fee
        own.fees += fee
        closed: list[LotClosing] = []
        quantity = left = abs(signed)
        if held != 0 and (held > 0) != (signed > 0):
            left = self._close(quantity, value, closed)
        if left > 0:
            cost = value - portion(value, quantity - left, quantity)
            self.lots.append(Lot(order_id, owner, left if signed > 0 else -left, cost))
        return closed

    def _close(self, quantity: Decimal, value: Decimal, closed: list[LotClosing]) -> Decimal:
        """What is left when all lots are closed that there are."""
        left = quantity
        while left > 0 and self.lots:
            lot = self.lots[0]
            piece = min(left, abs(lot.quantity))
            released = portion(lot.cost, piece, abs(lot.quantity))
            done = quantity - left
            proceeds = portion(value, done, quantity) - portion(value, done + piece, quantity)
            part = piece if lot.quantity > 0 else -piece
            closed.append(LotClosing(part, released, proceeds - released))
            lot.quantity -= part
            lot.cost -= released
            left -= piece
            if lot.quantity == 0:
                self.lots.popleft()
        return left
