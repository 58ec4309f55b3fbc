"""How much money may be at work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from functions.core.instruments import is_option
from functions.risk.book import AT_THE_MARK, NOTHING_OPEN, ZERO, Book, Exposure, Mark, Package, ProposedOrder
from functions.risk.capital import UnknownMark, marks_of, of_options, of_others
from functions.risk.covering import after_shares
from functions.risk.limits import ALL_SCOPES, Limit, Limits, Scope
from functions.risk.roots import EMPTY, Root, Sum, root_of, roots_in, roots_of
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="CAPITAL_LIMIT",
    unit="dollars",
    scopes=ALL_SCOPES,
    counts=True,
    denials=("MISSING_EXPOSURE", "MISSING_MARK"),
)
def capital_limit(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """What all that is open after this order keeps at work, working orders included, stays within the limit.

    Every symbol counts at its mark and at the worse of its two sides, so that an entry counts the same, filled or
    still working; the symbol of a stop order at its stop price where that is more. Options of one root count
    together, those of each working order apart, and what is being closed covers nothing: what is bought, alone or
    dearer than what is sold against it, at what it costs; a credit spread at its width less the credit; an
    uncovered put at its strike less its price; an uncovered call as if the underlying came to twice its strike.
    Calls that shares cover, which are held and not being sold, add nothing: first those that nothing bought covers.
    All at the marks. A limit on a symbol counts that symbol only. An order that adds nothing is not denied.
    """
    seen = None
    for limit in limits.of("capital_limit"):
        if book.exposure(limit.scope) is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        try:
            before, after = _before_and_after(order, book, limit)
        except UnknownMark as unknown:
            symbol = str(unknown)
            ordered = any(leg.symbol == symbol for leg in order.legs)
            return deny(
                "MISSING_MARK", **({"symbol": symbol} if ordered else limit.tells(symbol=symbol)), mark="missing"
            )
        if after > limit.value and after > before:
            return deny("CAPITAL_LIMIT", **limit.tells(notional_after=after), limit=limit.value, scope=limit.scope)
        if seen is None:
            seen = allow(notional_after=after, limit=limit.value, scope=limit.scope)
            if limit.scope == "global":
                del seen["notional_after"]
    return allow(limit="not set") if seen is None else seen


def at_work(book: Book, scope: Scope) -> Sum:
    """The capital at work in a scope by root, without any order. Reckoned once for a book."""
    return book.once(_NAMES[scope], lambda: _at_work(book, scope))


_NAMES: dict[Scope, str] = {scope: f"capital at work {scope}" for scope in ALL_SCOPES}


def _at_work(book: Book, scope: Scope) -> Sum:
    found: dict[str, Decimal] = {}
    unknown: dict[str, str] = {}
    for name, root in roots_in(book, scope).items():
        try:
            found[name] = _now(root, book.marks)
        except UnknownMark as mark:
            unknown[name] = str(mark)
    return Sum(found, unknown, sum(found.values(), ZERO))


def _before_and_after(order: ProposedOrder, book: Book, limit: Limit) -> tuple[Decimal, Decimal]:
    """The capital at work without the order and with it, of what the limit counts. Raises UnknownMark."""
    only = order.symbol if limit.scope == "symbol" and limit.symbol is None else limit.symbol
    scope: Scope = "account" if limit.scope == "symbol" else limit.scope
    if only is None and order.order_type in AT_THE_MARK and not order.several_legs:
        simple = _of_shares(order, at_work(book, scope), roots_in(book, scope).get(order.symbol, EMPTY), book)
        if simple is not None:
            return simple
    touched = roots_of(order) if only is None else (root_of(only),)
    rest = at_work(book, scope).without(touched) if only is None else ZERO
    if isinstance(rest, str):
        raise UnknownMark(rest)
    before = after = rest
    roots = roots_in(book, scope)
    for name in touched:
        root = roots.get(name, EMPTY)
        now, then = _of_root(order, name, root, only, book)
        before, after = before + now, after + then
    return before, after


def _of_shares(order: ProposedOrder, work: Sum, root: Root, book: Book) -> tuple[Decimal, Decimal] | None:
    """The same of shares at the mark, without options of their root: mostly there are none. Else None."""
    leg, mark = order.legs[0], book.marks.get(order.symbol)
    if leg.kind == "option" or root.has_options or work.unknown or mark is None:
        return None
    held = root.exposure.get(leg.symbol, NOTHING_OPEN)
    return work.total, work.total + (held.worst_with(leg) - held.worst) * mark.price * mark.multiplier


def _of_root(order: ProposedOrder, name: str, root: Root, only: str | None, book: Book) -> tuple[Decimal, Decimal]:
    """Of one root, without the order and with it."""
    leg = order.legs[0]
    if not root.has_options and len(order.legs) == 1 and leg.kind != "option" and only in (None, leg.symbol):
        mark = book.marks.get(leg.symbol)
        if mark is None:
            raise UnknownMark(leg.symbol)
        price = mark.price
        if order.order_type not in AT_THE_MARK:
            price = max(price, order.trigger_price(price))
        unit = price * mark.multiplier
        held = root.exposure.get(leg.symbol, NOTHING_OPEN)
        return held.worst * unit, held.worst_with(leg) * unit
    marks = marks_of(order, book, order.trigger_price)
    counted = {symbol: found for symbol, found in root.exposure.items() if only in (None, symbol)}
    legs = [leg for leg in order.legs if root_of(leg.symbol) == name and only in (None, leg.symbol)]
    ordered = dict(counted)
    for leg in legs:
        ordered[leg.symbol] = ordered.get(leg.symbol, NOTHING_OPEN).with_leg(leg)
    packages = [{symbol: q for symbol, q in package.items() if only in (None, symbol)} for package in root.packages]
    added = {leg.symbol: leg.sign * leg.quantity for leg in legs if leg.kind == "option"}
    held_now, closing = _held(counted, packages)
    together = {symbol: held_now.get(symbol, ZERO) + added.get(symbol, ZERO) for symbol in held_now | added}
    covering = _free_shares(root.exposure)
    with_order = _free_shares({**root.exposure, **{leg.symbol: ordered[leg.symbol] for leg in legs}})
    now = [(each, covering) for each in (held_now, _left(held_now, closing))]
    then = [(each, with_order) for each in (together, _left(together, closing))]
    return (
        of_others(counted, marks) + _options(now, packages, marks),
        # An order that may not fill makes no room.
        of_others(ordered, marks) + _options([*now, *then], packages, marks),
    )


def _now(root: Root, marks: Mapping[str, Mark]) -> Decimal:
    """Of one root, without any order."""
    if not root.has_options:
        return of_others(root.exposure, marks)
    held, closing = _held(root.exposure, root.packages)
    covering = _free_shares(root.exposure)
    states = [(each, covering) for each in (held, _left(held, closing))]
    return of_others(root.exposure, marks) + _options(states, root.packages, marks)


def _held(exposure: Exposure, packages: Sequence[Package]) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """The options held, and what working orders close of them.

    What they close covers nothing any more, and neither does it make room before they have filled.
    """
    held = {symbol: found.position for symbol, found in exposure.items() if is_option(symbol)}
    closing = {
        symbol: exposure[symbol].to_buy
        - exposure[symbol].to_sell
        - sum((one.get(symbol, ZERO) for one in packages), ZERO)
        for symbol in held
    }
    return held, closing


def _options(
    states: Iterable[tuple[Package, Mapping[str, Decimal]]], packages: Iterable[Package], marks: Mapping[str, Mark]
) -> Decimal:
    """The worst of what may be held, and each working order; no share covers two calls."""
    worst, left = ZERO, dict[str, Decimal]()
    for number, (contracts, covering) in enumerate(states):
        shares = dict(covering)
        worst = max(worst, of_options(after_shares(contracts, shares, marks), marks))
        left = {root: min(rest, left.get(root, rest)) if number else rest for root, rest in shares.items()}
    return worst + sum((of_options(after_shares(package, left, marks), marks) for package in packages), ZERO)


def _left(contracts: Package, closing: Package) -> Package:
    return {name: quantity + closing.get(name, ZERO) for name, quantity in contracts.items()}


def _free_shares(exposure: Exposure) -> dict[str, Decimal]:
    """What is not an option and not being sold."""
    return {name: found.position - found.to_sell for name, found in exposure.items() if not is_option(name)}
