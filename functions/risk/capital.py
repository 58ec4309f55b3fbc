"""What is open, in dollars at the marks: one reckoning for every rule that asks how much money something takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from functions.core.instruments import OptionSymbol, is_option
from functions.core.options.payoff import OptionUnits, capital_at_work
from functions.risk.book import ZERO, Book, Exposure, Mark, Package, ProposedOrder


class UnknownMark(Exception):
    """A symbol that is open and has no mark."""


def marks_of(order: ProposedOrder, book: Book, price_at: Callable[[Decimal], Decimal]) -> dict[str, Mark]:
    """The marks, that of the only ordered symbol raised to the price that `price_at` makes of it."""
    mark = book.marks.get(order.symbol)
    if mark is None or order.several_legs:
        return dict(book.marks)
    price = max(mark.price, price_at(mark.price))
    return {**book.marks, order.symbol: Mark(price, mark.quoted_at, mark.multiplier)}


def of_others(exposure: Exposure, marks: Mapping[str, Mark]) -> Decimal:
    """What is no option, each symbol at the worse of its two sides. Raises UnknownMark."""
    total = ZERO
    for symbol in sorted(exposure):
        worst = exposure[symbol].worst
        if worst == 0 or is_option(symbol):
            continue
        mark = _mark(symbol, marks)
        total += worst * mark.price * mark.multiplier
    return total


def of_options(contracts: Package, marks: Mapping[str, Mark]) -> Decimal:
    """The capital that options keep at work together. Raises UnknownMark."""
    units = []
    for symbol in sorted(contracts):
        if contracts[symbol] == 0:
            continue
        mark, option = _mark(symbol, marks), OptionSymbol.parse(symbol)
        size = contracts[symbol] * mark.multiplier
        units.append(OptionUnits.of(option, size, mark.price))
    return capital_at_work(units)


def uncovered(contracts: Package, shares: dict[str, Decimal], marks: Mapping[str, Mark]) -> dict[str, Decimal]:
    """The contracts without the calls that shares of their root cover, the soonest and lowest first.

    What covers is taken out of `shares`: no share covers two calls.
    """
    found = dict(contracts)
    sold = [(OptionSymbol.parse(symbol), symbol) for symbol, quantity in contracts.items() if quantity < 0]
    for option, symbol in sorted(sold, key=lambda one: (one[0].expiry, one[0].strike)):
        if option.right != "call":
            continue
        size = marks[symbol].multiplier if symbol in marks else Decimal(100)
        covered = min(-found[symbol], max(shares.get(option.root, ZERO), ZERO) // size)
        found[symbol] += covered
        shares[option.root] = shares.get(option.root, ZERO) - covered * size
    return found


def _mark(symbol: str, marks: Mapping[str, Mark]) -> Mark:
    mark = marks.get(symbol)
    if mark is None:
        raise UnknownMark(symbol)
    return mark
