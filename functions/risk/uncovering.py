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
from functions.risk.roots import Root, root_of, roots_in, roots_of


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


def leaves_uncovered(order: ProposedOrder, book: Book, *, bought_back: bool = True) -> Uncovered:
    """Counted over the account, order filled beside order not placed.

    What is being sold covers nothing. What is being bought back is still sold, but for what the platform itself buys
    back at the market, because it flattens: that is sent first; `bought_back` says whether it is taken for done. Each
    working order is covered by itself or not at all.
    """
    opens = False
    for leg in order.legs:
        opens = opens or (leg.side == "sell" and leg.kind == "option" and not leg.closes)
    roots = roots_of(order)
    if not opens and book.once("roots that are sold", lambda: _sold_roots(book)).isdisjoint(roots):
        return COVERED
    there = roots_in(book, "account")
    today = exchange_date(order.event_time)
    ordered = {leg.symbol: leg.sign * leg.quantity for leg in order.legs if leg.kind == "option"}
    sold = {leg.symbol: leg.quantity for leg in order.legs if leg.side == "sell" and leg.kind != "option"}
    calls = puts = ZERO
    for name in roots:
        root = there.get(name) or Root()
        held = _held(root.exposure, book, today, bought_back)
        added = {symbol: count for symbol, count in ordered.items() if root_of(symbol) == name}
        together = {symbol: held.get(symbol, ZERO) + added.get(symbol, ZERO) for symbol in held | added}
        size = units_of(name, together, book)
        waits = sum((lacking(one, "call").get(name, ZERO) * units_of(name, one, book) for one in root.packages), ZERO)
        here = root.exposure.get(name, NOTHING_OPEN)
        shares = here.position - here.to_sell
        before, after = (lacking(one, "call").get(name, ZERO) * size + waits for one in (held, together))
        calls += max(_beyond(after, shares - sold.get(name, ZERO)) - _beyond(before, shares), ZERO)
        puts += max(lacking(together, "put").get(name, ZERO) - lacking(held, "put").get(name, ZERO), ZERO)
    if puts and _are_paid(ordered, book, today, bought_back):
        puts = ZERO
    return Uncovered(calls, puts)


def _sold_roots(book: Book) -> frozenset[str]:
    """Those with options that are sold, or in working orders."""
    return frozenset(
        name
        for name, root in roots_in(book, "account").items()
        if root.packages or any(found.position < 0 and is_option(symbol) for symbol, found in root.exposure.items())
    )


def _held(exposure: Exposure, book: Book, today: date, bought_back: bool) -> dict[str, Decimal]:
    """Without what has expired: it may be in the books until the broker has settled it, and needs nothing any more."""
    options = held_options(exposure)
    held = {name: count for name, count in options.items() if OptionSymbol.parse(name).expiry >= today}
    back: Mapping[str, Decimal] = {} if book.market is None or not bought_back else book.market.buying_back
    for name, quantity in back.items():
        if held.get(name, ZERO) < 0:
            held[name] = min(held[name] + quantity, ZERO)
    return held


def _beyond(needed: Decimal, shares: Decimal) -> Decimal:
    return max(needed - max(shares, ZERO), ZERO)


def _are_paid(ordered: Package, book: Book, today: date, bought_back: bool) -> bool:
    """Whether the account's cash pays all puts that nothing else covers; nothing where nobody has told it."""
    money = None if book.account is None else book.account.money
    if money is None:
        return False
    held = _held(book.exposure("account") or {}, book, today, bought_back)
    together = {symbol: held.get(symbol, ZERO) + ordered.get(symbol, ZERO) for symbol in held | dict(ordered)}
    return assignment([together, *book.working_packages("account")]) <= money.cash + money.moved - money.spent
