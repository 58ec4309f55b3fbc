"""The book root by root: options of one root and the shares that cover them have nothing to do with the others.

So what an order changes is found among what has its root, and the rest is reckoned once for all rules and orders of a
book. A share's root is its own symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from functions.core.instruments import OptionSymbol, is_option
from functions.risk.book import Book, Exposure, OpenQuantity, Package, ProposedOrder
from functions.risk.limits import ALL_SCOPES, Scope


@dataclass(slots=True)
class Root:
    """What is open of one root: positions and working orders by symbol, and the options of working orders apart."""

    exposure: dict[str, OpenQuantity] = field(default_factory=dict)
    packages: list[dict[str, Decimal]] = field(default_factory=list)
    has_options: bool = False


EMPTY = Root()
"""Nothing open; not to be added to."""


@lru_cache(maxsize=1 << 14)
def root_of(symbol: str) -> str:
    """The root of an option's symbol; of anything else the symbol."""
    return OptionSymbol.parse(symbol).root if is_option(symbol) else symbol


def by_root(exposure: Exposure, packages: Iterable[Package]) -> dict[str, Root]:
    """The same, sorted by root. A package of several roots is several packages: none covers another's."""
    found: dict[str, Root] = {}
    for symbol, open_now in exposure.items():
        root = found.setdefault(root_of(symbol), Root())
        root.exposure[symbol] = open_now
        root.has_options = root.has_options or is_option(symbol)
    for package in packages:
        parts: dict[str, dict[str, Decimal]] = {}
        for symbol, quantity in package.items():
            parts.setdefault(root_of(symbol), {})[symbol] = quantity
        for name, part in parts.items():
            root = found.setdefault(name, Root())
            root.packages.append(part)
            root.has_options = True
    return found


def roots_in(book: Book, scope: Scope) -> dict[str, Root]:
    """What is open in a scope, root by root. Sorted once for a book."""
    return book.once(_NAMES[scope], lambda: by_root(book.exposure(scope) or {}, book.working_packages(scope)))


_NAMES: dict[Scope, str] = {scope: f"roots {scope}" for scope in ALL_SCOPES}


def roots_of(order: ProposedOrder) -> tuple[str, ...]:
    """The roots that an order trades in; mostly one."""
    if len(order.legs) == 1:
        return (root_of(order.symbol),)
    return tuple(sorted({root_of(leg.symbol) for leg in order.legs}))


@dataclass(slots=True)
class Sum:
    """An amount of each root, and of all that have one. `unknown` are those without: by root, what lacks a mark."""

    by_root: Mapping[str, Decimal]
    unknown: Mapping[str, str]
    total: Decimal

    def without(self, roots: tuple[str, ...]) -> Decimal | str:
        """Of all other roots, each of these named once; or the first symbol that lacks a mark among the others."""
        if self.unknown:
            for root, symbol in sorted(self.unknown.items()):
                if root not in roots:
                    return symbol
        left = self.total
        for root in roots:
            if root in self.by_root:
                left -= self.by_root[root]
        return left
