"""What an account has in one underlying, in a sector and on margin, reckoned once for the rules that ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal

from functions.core.instruments import is_option
from functions.core.ledger.book_portfolio import BookEquity
from functions.risk.account import AccountFacts, BrokerMoney
from functions.risk.book import NOTHING_OPEN, ZERO, Book, Exposure, Mark, OpenQuantity, Package, ProposedOrder
from functions.risk.capital import UnknownMark, marks_of, of_options, of_others
from functions.risk.covering import after_shares
from functions.risk.facts.portfolio import Held, Money
from functions.risk.roots import root_of

_HALF, _WHOLE = Decimal("0.5"), Decimal(1)


def held_of(
    order: ProposedOrder, book: Book, exposure: Exposure, packages: Iterable[Package], sectors: Mapping[str, str | None]
) -> Held:
    """What one scope has in the underlying and the sector of the order."""
    marks = marks_of(order, book, order.worst_price)
    own = root_of(order.symbol)
    sector = sectors.get(order.symbol)
    parts = _by_underlying(exposure, packages)
    there = {own, *(name for name, symbols in _names(exposure, packages).items() if _is_of(sector, symbols, sectors))}
    worth: dict[str, Decimal] = {}
    missing = ""
    for name in sorted(there):
        try:
            worth[name] = sum(taken(*parts.get(name, ({}, [])), marks), ZERO)
        except UnknownMark as unknown:
            missing = missing or str(unknown)
    try:
        adds: Decimal | None = sum(added(order, parts.get(own, ({}, []))[0], marks), ZERO)
    except UnknownMark as unknown:
        adds, missing = None, str(unknown)
    return Held(
        of_symbol=worth.get(own),
        of_sector=sum(worth.values(), ZERO) if worth.keys() == there else None,
        adds=adds,
        missing=missing,
    )


def worth_held(exposure: Exposure, marks: Mapping[str, Mark]) -> tuple[dict[str, Decimal], str]:
    """What is held in each underlying, dollars; and the first symbol that has no mark, whose underlying is left out."""
    worth: dict[str, Decimal] = {}
    missing = ""
    for name, (of_name, packages) in sorted(_by_underlying(exposure, ()).items()):
        try:
            worth[name] = sum(taken(of_name, packages, marks), ZERO)
        except UnknownMark as unknown:
            missing = missing or str(unknown)
    return worth, missing


def sectors_held(exposure: Exposure, sectors: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    """The underlyings that are held by sector; what has none is in every one, and alone in "none" where all are so."""
    names = _names(exposure, ())
    known: set[str | None] = {sector for sector in (sectors.get(symbol) for symbol in exposure) if sector is not None}
    return {
        sector or "none": tuple(name for name in sorted(names) if _is_of(sector, names[name], sectors))
        for sector in known or {None}
    }


def money_of(order: ProposedOrder, book: Book, told: BookEquity) -> Money:
    """The broker's word, and what was opened since takes of the margin."""
    money = Money(
        equity=told.equity,
        age_hours=max(_hours(order.event_time - told.as_of), ZERO),
        requires=told.margin_requirement,
    )
    account, exposure = book.account, book.exposure("account")
    if told.margin_requirement is None or exposure is None:
        return money
    rate = _rate(order, account)
    marks = marks_of(order, book, order.worst_price)
    said = None if account is None else account.money
    try:
        money.requires = told.margin_requirement + _opened_since(book, exposure, said, marks, rate)
        here = {name: found for name, found in exposure.items() if root_of(name) == root_of(order.symbol)}
        shares, options = added(order, here, marks)
    except UnknownMark as unknown:
        money.requires, money.missing = None, f"mark of {unknown}"
        return money
    money.adds = shares * rate + options
    return money


def added(order: ProposedOrder, exposure: Exposure, marks: Mapping[str, Mark]) -> tuple[Decimal, Decimal]:
    """What the order, filled, adds to what is open in its underlying: in shares, and in options. Raises UnknownMark."""
    ordered = {leg.symbol: leg.sign * leg.quantity for leg in order.legs if leg.kind == "option"}
    with_order = dict(exposure)
    for leg in order.legs:
        if leg.kind != "option":
            with_order[leg.symbol] = with_order.get(leg.symbol, NOTHING_OPEN).with_leg(leg)
    shares = of_others(with_order, marks) - of_others(exposure, marks)
    if not ordered:
        return max(shares, ZERO), ZERO
    held = {name: found.position for name, found in exposure.items() if is_option(name)}
    together = {name: held.get(name, ZERO) + ordered.get(name, ZERO) for name in held | ordered}
    before = of_options(after_shares(held, _free(exposure), marks), marks)
    return max(shares, ZERO), max(of_options(after_shares(together, _free(exposure), marks), marks) - before, ZERO)


def taken(exposure: Exposure, packages: Iterable[Package], marks: Mapping[str, Mark]) -> tuple[Decimal, Decimal]:
    """What is open takes: in shares, and in options. Calls that shares cover take nothing. Raises UnknownMark."""
    shares = _free(exposure)
    held = {name: found.position for name, found in exposure.items() if is_option(name)}
    options = of_options(after_shares(held, shares, marks), marks)
    waiting = sum((of_options(after_shares(package, shares, marks), marks) for package in packages), ZERO)
    return of_others(exposure, marks), options + waiting


def _opened_since(
    book: Book, exposure: Exposure, said: BrokerMoney | None, marks: Mapping[str, Mark], rate: Decimal
) -> Decimal:
    """Underlying by underlying, where anything is otherwise than it was when the broker spoke. Raises UnknownMark."""
    now = _by_underlying(exposure, book.working_packages("account"))
    then = {} if said is None else _by_underlying(said.then, said.packages_then)
    total = ZERO
    for name in sorted(now):
        if now[name] == then.get(name):
            continue
        shares, options = taken(*now[name], marks)
        if name in then:
            had_shares, had_options = taken(*then[name], marks)
            shares, options = shares - had_shares, options - had_options
        total += max(shares * rate + options, ZERO)
    return total


def _by_underlying(
    exposure: Exposure, packages: Iterable[Package]
) -> dict[str, tuple[dict[str, OpenQuantity], list[Package]]]:
    found: dict[str, tuple[dict[str, OpenQuantity], list[Package]]] = {}
    for name, quantity in exposure.items():
        found.setdefault(root_of(name), ({}, []))[0][name] = quantity
    for package in packages:
        for name in {root_of(symbol) for symbol in package}:
            part = {symbol: count for symbol, count in package.items() if root_of(symbol) == name}
            found.setdefault(name, ({}, []))[1].append(part)
    return found


def _names(exposure: Exposure, packages: Iterable[Package]) -> dict[str, set[str]]:
    """The symbols that are open, by underlying."""
    found: dict[str, set[str]] = {}
    for symbol in {*exposure, *(symbol for package in packages for symbol in package)}:
        found.setdefault(root_of(symbol), set()).add(symbol)
    return found


def _is_of(sector: str | None, symbols: Iterable[str], sectors: Mapping[str, str | None]) -> bool:
    """Of this sector, or of none that is known."""
    return any(sectors.get(symbol) in (None, sector) for symbol in symbols)


def _free(exposure: Exposure) -> dict[str, Decimal]:
    return {name: found.position - found.to_sell for name, found in exposure.items() if not is_option(name)}


def _rate(order: ProposedOrder, account: AccountFacts | None) -> Decimal:
    """What part of their value shares require, by Regulation T."""
    rules = None if account is None else account.rules
    leverage = rules is not None and rules.is_margin is not False and not order.trades_around_the_clock
    return _HALF if leverage else _WHOLE


def _hours(age: timedelta) -> Decimal:
    return Decimal(int(age.total_seconds())) / 3600
