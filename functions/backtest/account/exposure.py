"""What is open in each scope, kept as it changes: positions, working orders, and the options of working orders."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from functions.backtest.account.placed import Working
from functions.core.instruments import is_option
from functions.risk.book import ZERO, OpenQuantity, Package, ProposedLeg

Open = dict[str, OpenQuantity]


class OpenIn:
    """One scope. What is nothing any more is taken out."""

    __slots__ = ("_packages", "_told", "open")

    def __init__(self) -> None:
        self.open: Open = {}
        self._packages: dict[str, dict[str, Decimal]] = {}
        self._told: tuple[Package, ...] | None = ()

    @property
    def packages(self) -> tuple[Package, ...]:
        """The options of each working order that may open something, signed contracts."""
        if self._told is None:
            self._told = tuple(self._packages.values())
        return self._told

    def held(self, symbol: str, signed: Decimal) -> None:
        """A position changes."""
        self._of(symbol).position += signed
        self._tidy(symbol)

    def works(self, order_id: str, leg: ProposedLeg, change: Decimal, *, reduces: bool) -> None:
        """What may still fill of a working order's leg changes, by this quantity."""
        found = self._of(leg.symbol)
        if leg.side == "buy":
            found.to_buy += change
        else:
            found.to_sell += change
        self._tidy(leg.symbol)
        if leg.kind == "option" and not reduces and change:
            package = self._packages.setdefault(order_id, {})
            left = package.pop(leg.symbol, ZERO) + leg.sign * change
            if left:
                package[leg.symbol] = left
            if not package:
                del self._packages[order_id]
            self._told = None

    def copied(self) -> OpenIn:
        """As it is now, whatever becomes of this."""
        found = OpenIn()
        found.open = {symbol: OpenQuantity(one.position, one.to_buy, one.to_sell) for symbol, one in self.open.items()}
        found._packages = {order_id: dict(package) for order_id, package in self._packages.items()}
        found._told = None
        return found

    def _of(self, symbol: str) -> OpenQuantity:
        found = self.open.get(symbol)
        if found is None:
            found = self.open[symbol] = OpenQuantity()
        return found

    def _tidy(self, symbol: str) -> None:
        found = self.open[symbol]
        if not (found.position or found.to_buy or found.to_sell):
            del self.open[symbol]


class Exposures:
    """The account's and each strategy's. There is one account and one user: theirs, and everybody's, is the account's.

    `then` is what was open when the account was last looked at, as the ledger reckons it back: an order that worked
    then and is filled since was, as good as, held; one that is over since was not there.
    """

    __slots__ = ("_by_strategy", "account", "buying_back", "then")

    def __init__(self) -> None:
        self.account = OpenIn()
        self.then = OpenIn()
        self.buying_back: dict[str, Decimal] = defaultdict(Decimal)
        self._by_strategy: dict[str, OpenIn] = defaultdict(OpenIn)

    def of(self, strategy: str) -> OpenIn:
        """What a strategy has open."""
        return self._by_strategy[strategy]

    def look(self) -> None:
        """The account is looked at."""
        self.then = self.account.copied()

    def works(self, order: Working, leg: ProposedLeg, change: Decimal) -> None:
        """What may still fill of a leg changes by this quantity."""
        placed = order.placed
        for scope in self._scopes(order):
            scope.works(placed.order_id, leg, change, reduces=placed.order.reduce_only)
        if placed.buys_back and leg.side == "buy" and is_option(leg.symbol):
            left = self.buying_back[leg.symbol] + change
            if left:
                self.buying_back[leg.symbol] = left
            else:
                del self.buying_back[leg.symbol]

    def held(self, order: Working, symbol: str, signed: Decimal) -> None:
        """A position changes by an order's fill."""
        for scope in self._scopes(order):
            scope.held(symbol, signed)

    def _scopes(self, order: Working) -> list[OpenIn]:
        scopes = [self.account]
        if order.placed.strategy is not None:
            scopes.append(self._by_strategy[order.placed.strategy])
        if not order.since_open:
            scopes.append(self.then)
        return scopes
