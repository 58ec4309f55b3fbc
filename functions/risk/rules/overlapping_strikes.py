"""Options packages of one expiry that stand in one another's way."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from functions.risk.book import NOTHING_OPEN, ZERO, Book, ProposedLeg, ProposedOrder
from functions.risk.facts.orders import StrikeRange, series_of
from functions.risk.limits import WIDE_SCOPES, Limits
from functions.risk.rule import Verdict, allow, deny, rule


@rule(
    code="OVERLAPPING_STRIKES",
    unit="packages",
    scopes=WIDE_SCOPES,
    denials=("OPPOSITE_CONTRACT", "MISSING_PACKAGES", "MISSING_EXPOSURE"),
)
def overlapping_strikes(order: ProposedOrder, book: Book, limits: Limits) -> Verdict:
    """The strikes of an order that opens options lie among those of at most this many open packages of the account.

    A package is what one order opened and what is left of it, held or working. Compared are the puts, and the calls, of
    one root and expiry, from the lowest to the highest strike; ranges that only touch do not overlap, 0 allows no
    overlap. Besides, no leg opens a contract that the account holds, or has ordered to open, the other way: the broker
    would net the two and so close a leg of the other package. A strategy's limit counts its own packages only, every
    other one all of the account.
    """
    opening = [leg for leg in order.legs if leg.kind == "option" and not leg.closes]
    if not opening:
        return allow(options="none opened")
    if book.exposure("account") is None:
        return deny("MISSING_EXPOSURE", scope="account")
    if book.orders is None or book.orders.packages is None:
        return deny("MISSING_PACKAGES", packages="missing")
    for leg in opening:
        held = _held_opposite(leg, book)
        if held:
            return deny("OPPOSITE_CONTRACT", symbol=leg.symbol, side=leg.side, open=held)
    met = _met(opening, book.orders.packages)
    seen = None
    for limit in limits.of("overlapping_strikes"):
        counted = Decimal(len({found.package for found in met if found.own or limit.scope != "strategy"}))
        if counted > limit.value:
            return deny("OVERLAPPING_STRIKES", packages=counted, limit=limit.value, scope=limit.scope)
        if seen is None:
            seen = allow(packages=counted, limit=limit.value, scope=limit.scope)
    return allow(limit="not set") if seen is None else seen


def _held_opposite(leg: ProposedLeg, book: Book) -> Decimal:
    """Contracts of the leg that are open the other way, signed; zero where there are none."""
    account = book.exposure("account") or {}
    standing = [account.get(leg.symbol, NOTHING_OPEN).position]
    standing += [package.get(leg.symbol, ZERO) for package in book.working_packages("account")]
    return next((quantity for quantity in standing if quantity * leg.sign < 0), ZERO)


def _met(opening: list[ProposedLeg], packages: Mapping[str, tuple[StrikeRange, ...]]) -> list[StrikeRange]:
    """The ranges of open packages that those of the order overlap."""
    strikes: dict[str, list[Decimal]] = {}
    for leg in opening:
        if leg.strike is not None:
            strikes.setdefault(series_of(leg.symbol), []).append(leg.strike)
    return [
        found
        for series, ordered in strikes.items()
        for found in packages.get(series, ())
        if _overlaps(min(ordered), max(ordered), found)
    ]


def _overlaps(low: Decimal, high: Decimal, found: StrikeRange) -> bool:
    # One strike has no inside: it overlaps where it lies within the other, its ends included.
    if low == high or found.low == found.high:
        return low <= found.high and found.low <= high
    return low < found.high and found.low < high
