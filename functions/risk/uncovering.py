"""What an order would leave without cover: calls and puts that are sold, and that nothing covers any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from functions.core.instruments import OptionSymbol, is_option
from functions.core.market_calendar import exchange_date
from functions.risk.book import NOTHING_OPEN, ZERO, Book, Exposure, Package, ProposedOrder
from functions.risk.covering import assignment, held_options, lacking, units_of


@dataclass(slots=True)
class Uncovered:
    """What more is sold without cover after an order: units under calls, which have no bound, and contracts of puts.

    Puts that the account's cash pays when they are assigned are not among them.
    """

    calls: Decimal = ZERO
    puts: Decimal = ZERO

    @property
    def more(self) -> bool:
        """Whether there is any."""
        return self.calls > 0 or self.puts > 0


COVERED = Uncovered()


def leaves_uncovered(order: ProposedOrder, exposure: Exposure, book: Book) -> Uncovered:
    """Counted over the account's `exposure`, order filled beside order not placed.

    What is being sold covers nothing. What is being bought back is still sold, but for what the platform itself buys
    back at the market, because it flattens: that is sent first. Each working order is covered by itself or not at all.
    """
    packages = book.working_packages("account")
    opens = any(leg.side == "sell" and leg.kind == "option" and not leg.closes for leg in order.legs)
    if not opens and not packages and not _has_sold(exposure):
        return COVERED
    held = _held(exposure, book, exchange_date(order.event_time))
    ordered = {leg.symbol: leg.sign * leg.quantity for leg in order.legs if leg.kind == "option"}
    together = {name: held.get(name, ZERO) + ordered.get(name, ZERO) for name in held | ordered}
    sold = {leg.symbol: leg.quantity for leg in order.legs if leg.side == "sell" and leg.kind != "option"}
    roots = {OptionSymbol.parse(symbol).root for symbol in ordered} | sold.keys()
    working: dict[str, Decimal] = {}
    for package in packages:
        for root, count in lacking(package, "call").items():
            working[root] = working.get(root, ZERO) + count * units_of(root, package, book)
    before, after = lacking(held, "call"), lacking(together, "call")
    calls = ZERO
    for root in roots:
        here = exposure.get(root, NOTHING_OPEN)
        shares = here.position - here.to_sell
        size, waits = units_of(root, together, book), working.get(root, ZERO)
        calls += max(
            _beyond(after.get(root, ZERO) * size + waits, shares - sold.get(root, ZERO))
            - _beyond(before.get(root, ZERO) * size + waits, shares),
            ZERO,
        )
    puts = _puts(held, together)
    if puts and assignment([together, *packages]) <= _cash(book):
        puts = ZERO
    return Uncovered(calls, puts)


def _has_sold(exposure: Exposure) -> bool:
    # A loop: it runs for every sale, and any() takes twice as long.
    for name, found in exposure.items():  # noqa: SIM110
        if found.position.is_signed() and found.position and is_option(name):
            return True
    return False


def _held(exposure: Exposure, book: Book, today: date) -> dict[str, Decimal]:
    """Without what has expired: it may be in the books until the broker has settled it, and needs nothing any more."""
    options = held_options(exposure)
    held = {name: count for name, count in options.items() if OptionSymbol.parse(name).expiry >= today}
    back: Mapping[str, Decimal] = {} if book.market is None else book.market.buying_back
    for name, quantity in back.items():
        if held.get(name, ZERO) < 0:
            held[name] = min(held[name] + quantity, ZERO)
    return held


def _beyond(needed: Decimal, shares: Decimal) -> Decimal:
    return max(needed - max(shares, ZERO), ZERO)


def _puts(held: Package, together: Package) -> Decimal:
    before = lacking(held, "put")
    return sum((max(count - before.get(root, ZERO), ZERO) for root, count in lacking(together, "put").items()), ZERO)


def _cash(book: Book) -> Decimal:
    """Nothing where nobody has told it."""
    money = None if book.account is None else book.account.money
    return ZERO if money is None else money.cash + money.moved - money.spent
