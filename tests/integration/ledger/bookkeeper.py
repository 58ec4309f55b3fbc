"""The books of one account by hand: written from docs/ledger.md, exact fractions, nothing shared with the SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

ZERO = Fraction(0)
MANUAL = "manual"
_TEN_PLACES = 10**10


def rounded(value: Fraction) -> Fraction:
    """Half away from zero, at 10 places."""
    size = Fraction(floor(abs(value) * _TEN_PLACES + Fraction(1, 2)), _TEN_PLACES)
    return size if value >= 0 else -size


def dealt(total: Fraction, weights: Sequence[Fraction]) -> list[Fraction]:
    """`total` given out by weight: each part ends at the rounded running total, so that nothing is left over."""
    whole = sum(weights, ZERO)
    parts, running, before = [], ZERO, ZERO
    for weight in weights:
        running += weight
        now = rounded(total * running / whole) if whole else ZERO
        parts.append(now - before)
        before = now
    return parts


def side(quantity: Fraction) -> int:
    return (quantity > 0) - (quantity < 0)


@dataclass
class Heap:
    """What is held at average cost: one heap with one price."""

    quantity: Fraction = ZERO
    cost: Fraction = ZERO
    realised: Fraction = ZERO
    fees: Fraction = ZERO

    def take(self, signed: Fraction, value: Fraction | None) -> None:
        """`value` is what was paid; None: what leaves takes its cost along."""
        closing = min(abs(signed), abs(self.quantity)) if side(signed) == -side(self.quantity) else ZERO
        paid_to_close, paid_to_open = dealt(value or ZERO, [closing, abs(signed) - closing])
        if closing:
            released = dealt(self.cost, [closing, abs(self.quantity) - closing])[0]
            self.cost -= released
            if value is not None:
                self.realised -= paid_to_close + released
        self.cost += paid_to_open
        self.quantity += signed

    def become(self, quantity: Fraction) -> None:
        """A split: cost stays, unless nothing is left to carry it."""
        self.quantity = quantity
        if not quantity:
            self.realised -= self.cost
            self.cost = ZERO


@dataclass
class Lot:
    opened_at: int
    owner: str
    original: Fraction
    quantity: Fraction
    cost: Fraction


@dataclass
class Book:
    """One symbol: the account's heap, its owners' heaps, its lots, and what lots have earned by event time."""

    account: Heap = field(default_factory=Heap)
    owners: dict[str, Heap] = field(default_factory=lambda: defaultdict(Heap))
    lots: list[Lot] = field(default_factory=list)
    fifo_by_time: dict[int, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def open_lots(self) -> list[Lot]:
        return [lot for lot in self.lots if lot.quantity]

    def enter(self, at: int, shares: dict[str, Fraction], signed: Fraction, value: Fraction | None) -> None:
        """The account moves once; owners and lots by their shares, in the order of the owners' names."""
        self.account.take(signed, value)
        names = sorted(name for name, quantity in shares.items() if quantity)
        values = dealt(value or ZERO, [shares[name] for name in names])
        for name, part in zip(names, values, strict=True):
            own = None if value is None else part
            self.owners[name].take(shares[name], own)
            self._through_lots(at, name, shares[name], own)

    def _through_lots(self, at: int, owner: str, signed: Fraction, value: Fraction | None) -> None:
        left, taken = abs(signed), []
        for lot in self.open_lots():
            if side(lot.quantity) == -side(signed) and left:
                taken.append((lot, min(left, abs(lot.quantity))))
                left -= taken[-1][1]
        values = dealt(value or ZERO, [part for _, part in taken] + [left])
        for (lot, part), paid in zip(taken, values, strict=False):
            released = dealt(lot.cost, [part, abs(lot.quantity) - part])[0]
            lot.cost -= released
            lot.quantity -= side(lot.quantity) * part
            if value is not None:
                self.fifo_by_time[at] -= paid + released
        if left:
            self.lots.append(Lot(at, owner, side(signed) * left, side(signed) * left, values[-1]))

    def split(self, at: int, ratio: Fraction) -> None:
        self.account.become(rounded(self.account.quantity * ratio))
        names = sorted(self.owners)
        for name, quantity in zip(names, self._scaled([self.owners[n].quantity for n in names], ratio), strict=True):
            self.owners[name].become(quantity)
        open_lots = self.open_lots()
        for lot, quantity in zip(open_lots, self._scaled([lot.quantity for lot in open_lots], ratio), strict=True):
            lot.quantity = quantity
            if not quantity:
                self.fifo_by_time[at] -= lot.cost
                lot.cost = ZERO

    @staticmethod
    def _scaled(quantities: Sequence[Fraction], ratio: Fraction) -> list[Fraction]:
        totals = [ZERO]
        for quantity in quantities:
            totals.append(totals[-1] + quantity)
        ends = [rounded(total * ratio) for total in totals]
        return [ends[place + 1] - ends[place] for place in range(len(quantities))]

    def shares_of(self, signed: Fraction) -> dict[str, Fraction]:
        """Who loses what the broker took from the account without saying whose it was."""
        if signed == -self.account.quantity:
            return {name: -heap.quantity for name, heap in self.owners.items()}
        wanted, left = -side(signed), abs(signed)
        room = {name: max(wanted * heap.quantity, ZERO) for name, heap in self.owners.items()}
        shares: dict[str, Fraction] = defaultdict(Fraction)
        claims = [(lot.owner, abs(lot.quantity)) for lot in self.open_lots() if side(lot.quantity) == wanted]
        claims += [(name, room[name]) for name in sorted(room)]
        for name, most in claims:
            part = min(left, most, room[name])
            room[name] -= part
            shares[name] += part
            left -= part
        shares[MANUAL] += left
        return {name: side(signed) * part for name, part in shares.items()}


@dataclass
class Fill:
    """An execution and what the broker said of it later: `changes` by event time, None is a bust."""

    at: int
    symbol: str
    owner: str
    signed: Fraction
    price: Fraction
    multiplier: int
    fee: Fraction
    changes: list[tuple[int, tuple[Fraction, Fraction] | None]] = field(default_factory=list)

    def terms(self) -> tuple[Fraction, Fraction, Fraction]:
        """Signed quantity, price and fee as they stand."""
        if any(change is None for _, change in self.changes):
            return ZERO, self.price, ZERO
        quantity, price = abs(self.signed), self.price
        for _, change in sorted(self.changes, key=lambda entry: entry[0]):
            assert change is not None
            quantity, price = change
        return side(self.signed) * quantity, price, self.fee


@dataclass
class Split:
    at: int
    symbol: str
    ratio: Fraction


@dataclass
class Move:
    """A position moved without a fill; `owner` None: given out. `value` None: at its own cost."""

    at: int
    symbol: str
    owner: str | None
    signed: Fraction
    value: Fraction | None


@dataclass
class Delivery:
    """Options exercised or assigned: they end at no price, and the underlying moves at the strike."""

    at: int
    symbol: str
    signed: Fraction
    underlying: str
    shares: Fraction
    strike: Fraction


Event = Fill | Split | Move | Delivery


def books_of(events: Sequence[Event]) -> dict[str, Book]:
    """The books of an account; `events` in the order in which they were first told, which decides among equal times."""
    books: dict[str, Book] = defaultdict(Book)
    for event in sorted(events, key=lambda event: event.at):
        book = books[event.symbol]
        if isinstance(event, Fill):
            signed, price, fee = event.terms()
            if signed:
                book.enter(event.at, {event.owner: signed}, signed, rounded(signed * price * event.multiplier))
                book.account.fees += fee
                book.owners[event.owner].fees += fee
        elif isinstance(event, Split):
            book.split(event.at, event.ratio)
        elif isinstance(event, Move):
            shares = {event.owner: event.signed} if event.owner else book.shares_of(event.signed)
            book.enter(event.at, shares, event.signed, event.value)
        else:
            shares = book.shares_of(event.signed)
            book.enter(event.at, shares, event.signed, ZERO)
            names = sorted(name for name, quantity in shares.items() if quantity)
            parts = dealt(event.shares, [shares[name] for name in names])
            paid = rounded(event.shares * event.strike)
            books[event.underlying].enter(event.at, dict(zip(names, parts, strict=True)), event.shares, paid)
    return books
