"""The trades that were closed, as they come: what the protections look at."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from functions.backtest.account.holdings import LotClosing
from functions.backtest.account.placed import Placed
from functions.risk.book import ZERO
from functions.risk.facts.closed import ClosedTrade, ClosedTrades, Closings, moment

_EXACT = Context(prec=80)
_TEN_PLACES = Decimal(1).scaleb(-10)
Parts = dict[str, LotClosing]
"""What an order has closed so far, by symbol."""


class ClosedLately:
    """A trade is an order with all that it has closed so far: a further fill makes another of the same."""

    __slots__ = ("_by_strategy", "_every", "_nothing", "_parts")

    def __init__(self) -> None:
        self._every = _Kept()
        self._by_strategy: dict[str, _Kept] = defaultdict(_Kept)
        self._parts: dict[str, Parts] = {}
        self._nothing = Closings()

    def add(self, placed: Placed, symbol: str, closed: list[LotClosing], at: datetime) -> None:
        """A fill of an order closed these."""
        again = placed.order_id in self._parts
        parts = self._parts.setdefault(placed.order_id, {})
        of_symbol = parts.get(symbol)
        if of_symbol is None:
            of_symbol = parts[symbol] = LotClosing(ZERO, ZERO, ZERO)
        for part in closed:
            of_symbol.quantity += part.quantity
            of_symbol.cost += part.cost
            of_symbol.realised += part.realised
        trade = _trade(placed, parts, at)
        self._every.put(placed.order_id, trade, again=again)
        if placed.strategy is not None:
            self._by_strategy[placed.strategy].put(placed.order_id, trade, again=again)

    def over(self, order_id: str) -> None:
        """An order fills no further."""
        self._parts.pop(order_id, None)

    def facts(self, at: datetime, strategy: str | None) -> ClosedTrades:
        """All of the account and of a strategy: nothing is left out, whatever a limit looks back to."""
        own = None if strategy is None else self._by_strategy.get(strategy)
        of_strategy = None if strategy is None else self._nothing if own is None else own.closings
        return ClosedTrades(moment(at), self._every.closings, of_strategy)


class _Kept:
    """The closings of one holder, and which order each is of."""

    __slots__ = ("_trades", "closings")

    def __init__(self) -> None:
        self.closings = Closings()
        self._trades: list[tuple[str, ClosedTrade]] = []

    def put(self, order_id: str, trade: ClosedTrade, *, again: bool) -> None:
        """Where the order is there already, what stands of it goes out: it is mostly the newest."""
        later: list[tuple[str, ClosedTrade]] = []
        found = not again
        while not found:
            known = self._trades.pop()
            self.closings.take_back(known[1])
            found = known[0] == order_id
            if not found:
                later.append(known)
        for one in (*reversed(later), (order_id, trade)):
            self._trades.append(one)
            self.closings.add(one[1])


def _trade(placed: Placed, parts: Parts, at: datetime) -> ClosedTrade:
    realised = sum((part.realised for part in parts.values()), ZERO)
    cost = abs(next(iter(parts.values())).cost) if len(parts) == 1 else ZERO
    percent = _EXACT.divide(100 * realised, cost).quantize(_TEN_PLACES, ROUND_HALF_UP, _EXACT) if cost else None
    return ClosedTrade(
        symbol=placed.order.legs[0].underlying or placed.order.symbol,
        strategy=placed.strategy,
        closed_at=at,
        realised_pnl=realised,
        quantity=max(abs(part.quantity) for part in parts.values()),
        return_percent=percent,
        by=placed.closes_by,
    )
