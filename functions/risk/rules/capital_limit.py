"""How much money may be at work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from functions.core.instruments import is_option
from functions.risk.book import NOTHING_OPEN, ZERO, Book, Exposure, Mark, Package, ProposedOrder
from functions.risk.capital import UnknownMark, marks_of, of_options, of_others, uncovered
from functions.risk.limits import ALL_SCOPES, Limit, Limits
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
    still working; the symbol of a stop order at its stop price where that is more. Options of one root count together,
    those of each working order apart, and what is being closed covers nothing: what is bought, alone or dearer than
    what is sold against it, at what it costs; a credit spread at its width less the credit; an uncovered put at its
    strike less its price; an uncovered call as if the underlying came to twice its strike. Calls that shares cover,
    which are held and not being sold, add nothing. All at the marks. A limit on a symbol counts that symbol only. An
    order that adds nothing is not denied.
    """
    seen = allow(limit="not set")
    marks = marks_of(order, book, order.trigger_price)
    for limit in limits.of("capital_limit"):
        exposure = book.exposure(limit.scope)
        if exposure is None:
            return deny("MISSING_EXPOSURE", scope=limit.scope)
        try:
            before, after = _before_and_after(order, exposure, book.working_packages(limit.scope), limit, marks)
        except UnknownMark as unknown:
            return deny("MISSING_MARK", symbol=str(unknown), mark="missing")
        if after > limit.value and after > before:
            return deny("CAPITAL_LIMIT", notional_after=after, limit=limit.value, scope=limit.scope)
        if seen.numbers.get("limit") == "not set":
            seen = allow(notional_after=after, limit=limit.value, scope=limit.scope)
    return seen


def _before_and_after(
    order: ProposedOrder, exposure: Exposure, working: Iterable[Package], limit: Limit, marks: Mapping[str, Mark]
) -> tuple[Decimal, Decimal]:
    """The capital at work without the order and with it, of what the limit counts."""
    symbol = order.symbol if limit.scope == "symbol" and limit.symbol is None else limit.symbol
    counted = {name: found for name, found in exposure.items() if symbol in (None, name)}
    legs = [leg for leg in order.legs if symbol in (None, leg.symbol)]
    ordered = dict(counted)
    for leg in legs:
        ordered[leg.symbol] = ordered.get(leg.symbol, NOTHING_OPEN).with_leg(leg)
    held = {name: found.position for name, found in counted.items() if is_option(name)}
    added = {leg.symbol: leg.sign * leg.quantity for leg in legs if leg.kind == "option"}
    together = {name: held.get(name, ZERO) + added.get(name, ZERO) for name in held | added}
    packages = [{name: q for name, q in package.items() if symbol in (None, name)} for package in working]
    # What working orders close covers nothing any more, and neither does it make room before they have filled.
    closing = {
        name: counted[name].to_buy - counted[name].to_sell - sum((one.get(name, ZERO) for one in packages), ZERO)
        for name in held
    }
    covering = _free_shares(exposure)
    with_order = _free_shares({**exposure, **{leg.symbol: ordered[leg.symbol] for leg in legs}})
    now = [(each, covering) for each in (held, _left(held, closing))]
    then = [(each, with_order) for each in (together, _left(together, closing))]
    return (
        of_others(counted, marks) + _options(now, packages, marks),
        # An order that may not fill makes no room.
        of_others(ordered, marks) + _options([*now, *then], packages, marks),
    )


def _options(
    states: Iterable[tuple[Package, Mapping[str, Decimal]]], packages: Iterable[Package], marks: Mapping[str, Mark]
) -> Decimal:
    """The worst of what may be held, and each working order; no share covers two calls."""
    worst, left = ZERO, dict[str, Decimal]()
    for number, (contracts, covering) in enumerate(states):
        shares = dict(covering)
        worst = max(worst, of_options(uncovered(contracts, shares, marks), marks))
        left = {root: min(rest, left.get(root, rest)) if number else rest for root, rest in shares.items()}
    return worst + sum((of_options(uncovered(package, left, marks), marks) for package in packages), ZERO)


def _left(contracts: Package, closing: Package) -> Package:
    return {name: quantity + closing.get(name, ZERO) for name, quantity in contracts.items()}


def _free_shares(exposure: Exposure) -> dict[str, Decimal]:
    """What is not an option and not being sold."""
    return {name: found.position - found.to_sell for name, found in exposure.items() if not is_option(name)}
