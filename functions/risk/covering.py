"""What sold options lack of bought ones, counted over an account: several strategies may trade in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from functions.core.instruments import OptionRight, OptionSymbol, is_option
from functions.risk.book import ZERO, Book, Exposure, Mark, Package
from functions.risk.capital import uncovered


def lacking(contracts: Package, right: OptionRight) -> dict[str, Decimal]:
    """By root, how many of the contracts that are sold no bought one covers, whatever the strikes.

    What is bought covers one that expires on the same day or before. So of those that expire from some day on at least
    the difference lacks cover; the day with the largest says how many do when each is covered where it can be.
    """
    net: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for symbol, quantity in contracts.items():
        option = OptionSymbol.parse(symbol)
        if option.right == right and quantity != 0:
            net[option.root][option.expiry] += quantity
    found: dict[str, Decimal] = {}
    for root, by_expiry in net.items():
        balance = most = ZERO
        for expiry in sorted(by_expiry, reverse=True):
            balance -= by_expiry[expiry]
            most = max(most, balance)
        found[root] = most
    return found


def held_options(exposure: Exposure) -> dict[str, Decimal]:
    """The contracts held and sold. Nothing covers that is being sold itself."""
    return {
        name: max(found.position - found.to_sell, ZERO) if found.position > 0 else found.position
        for name, found in exposure.items()
        if is_option(name)
    }


def free_shares(book: Book) -> dict[str, Decimal]:
    """The account's shares that are not being sold, without those that calls sold before need: held or working.

    Each working order is covered by itself or not at all, so that a filled and a working one need the same.
    """
    exposure = book.exposure("account") or {}
    shares = {name: found.position - found.to_sell for name, found in exposure.items() if not is_option(name)}
    for package in (held_options(exposure), *book.working_packages("account")):
        for root, count in lacking(package, "call").items():
            shares[root] = shares.get(root, ZERO) - count * units_of(root, package, book)
    return shares


def after_shares(contracts: Package, shares: dict[str, Decimal], marks: Mapping[str, Mark]) -> dict[str, Decimal]:
    """The contracts without the calls that shares cover: first those that nothing bought covers, then the others.

    What covers is taken out of `shares`, as by `uncovered`.
    """
    if not any(_may_cover(symbol, count, shares) for symbol, count in contracts.items()):
        return dict(contracts)
    alone = {symbol: -count for symbol, count in _alone(contracts).items()}
    rest = uncovered(alone, shares, marks)
    return uncovered(
        {name: count + rest.get(name, ZERO) - alone.get(name, ZERO) for name, count in contracts.items()}, shares, marks
    )


def _may_cover(symbol: str, count: Decimal, shares: Mapping[str, Decimal]) -> bool:
    """Whether it is a sold call, and there are shares of its root."""
    if count >= 0:
        return False
    option = OptionSymbol.parse(symbol)
    return option.right == "call" and shares.get(option.root, ZERO) > 0


def _alone(contracts: Package) -> dict[str, Decimal]:
    """How many of each sold call are left when each bought one covers the one nearest to it that it can cover."""
    calls = [(OptionSymbol.parse(symbol), symbol) for symbol in contracts]
    calls = [(option, symbol) for option, symbol in calls if option.right == "call"]
    bought = {symbol: contracts[symbol] for _, symbol in calls if contracts[symbol] > 0}
    found: dict[str, Decimal] = {}
    for sold, symbol in sorted(calls, key=lambda one: (one[0].expiry, one[0].strike), reverse=True):
        left = max(-contracts[symbol], ZERO)
        cover = [
            (other, name)
            for other, name in calls
            if name in bought and other.root == sold.root and other.expiry >= sold.expiry
        ]
        for _, name in sorted(cover, key=lambda one: (one[0].expiry, abs(one[0].strike - sold.strike), one[1])):
            used = min(left, bought[name])
            bought[name] -= used
            left -= used
        if left:
            found[symbol] = left
    return found


def units_of(root: str, package: Mapping[str, Decimal], book: Book) -> Decimal:
    """How many shares one contract is on: the most of any of the root's."""
    sizes = [
        book.marks[name].multiplier for name in package if name in book.marks and OptionSymbol.parse(name).root == root
    ]
    return max(sizes, default=Decimal(100))


def assignment(packages: Iterable[Package]) -> Decimal:
    """What the puts that are sold and nothing bought covers would cost if they were assigned; the dearest of each."""
    total = ZERO
    for package in packages:
        parts = [(OptionSymbol.parse(symbol), -quantity) for symbol, quantity in package.items() if quantity < 0]
        for root, lacks in lacking(package, "put").items():
            left = lacks
            of_root = [one for one in parts if one[0].right == "put" and one[0].root == root]
            for part, count in sorted(of_root, key=lambda one: one[0].strike, reverse=True):
                total += part.strike * min(count, left) * 100
                left -= min(count, left)
    return total
