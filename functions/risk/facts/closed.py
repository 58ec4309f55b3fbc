"""The trades that were closed lately: what the protections look at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from functions.risk.limits import Limit

ClosedBy = Literal["stop", "target", "trail", "time", "signal", "flatten", "manual", "expiry", "rule"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_MINUTE = 60_000_000
_TEN_YEARS = 10 * 366 * 24 * 60 * _MINUTE
_ZERO = Decimal(0)


@dataclass(slots=True)
class ClosedTrade:
    """An order, or an expiry, that closed something of an account.

    `symbol` is what was traded, of an option its underlying. `strategy` is who closed it, of an expiry who held it;
    None where that was no strategy. Times UTC. `realised_pnl` in dollars by the account's lots, first in first out,
    fees not deducted; `return_percent` is of what they had cost, None of several legs. `quantity` in shares or
    contracts, of several legs the most of one.
    """

    symbol: str
    strategy: str | None
    closed_at: datetime
    realised_pnl: Decimal
    quantity: Decimal
    return_percent: Decimal | None
    by: ClosedBy


class Closings:
    """The closed trades of one holder, or of one symbol of it, oldest first. What rules ask is counted as they come.

    All lists go by the closed trade, `stops` by those that lost by a stop; times are microseconds since 1970.
    `sums` begins with 0: the profit of the trades from i to j is `sums[j + 1] - sums[i]`. `falls` is how far the sum is
    below its highest so far, `losing` how many trades in a row have lost; `deepest` and `longest` are the most of them.
    """

    __slots__ = ("by_symbol", "deepest", "falls", "longest", "losing", "stops", "sums", "times")

    def __init__(self, trades: Iterable[ClosedTrade] = ()) -> None:
        self.times: list[int] = []
        self.stops: list[int] = []
        self.sums: list[Decimal] = [_ZERO]
        self.falls: list[Decimal] = []
        self.losing: list[int] = []
        self.deepest = _ZERO
        self.longest = 0
        self.by_symbol: dict[str, Closings] = {}
        for trade in trades:
            self.add(trade)

    def add(self, trade: ClosedTrade) -> None:
        """One more, which is not older than the last. Raises ValueError where it is."""
        at = moment(trade.closed_at)
        self._count(at, trade)
        of_symbol = self.by_symbol.get(trade.symbol)
        if of_symbol is None:
            of_symbol = self.by_symbol[trade.symbol] = Closings()
        of_symbol._count(at, trade)

    def take_back(self, trade: ClosedTrade) -> None:
        """The newest one is out again: more of its order was filled, and that makes another of it."""
        self._uncount(trade)
        of_symbol: Closings = self.by_symbol[trade.symbol]
        of_symbol._uncount(trade)
        if not of_symbol.times:
            del self.by_symbol[trade.symbol]

    def _uncount(self, trade: ClosedTrade) -> None:
        self.times.pop()
        self.sums.pop()
        if self.falls.pop() == self.deepest:
            self.deepest = max(self.falls, default=_ZERO)
        if self.losing.pop() == self.longest:
            self.longest = max(self.losing, default=0)
        if _is_stop(trade):
            self.stops.pop()

    def _count(self, at: int, trade: ClosedTrade) -> None:
        if self.times and at < self.times[-1]:
            raise ValueError(f"closed trades come in the order of their times, {trade.closed_at} came late")
        result = trade.realised_pnl
        fall = (self.falls[-1] if self.falls else _ZERO) - result
        fall = max(fall, _ZERO)
        self.times.append(at)
        self.sums.append(self.sums[-1] + result)
        self.falls.append(fall)
        self.deepest = max(self.deepest, fall)
        row = (self.losing[-1] if self.losing else 0) + 1 if result < 0 else 0
        self.losing.append(row)
        self.longest = max(self.longest, row)
        if _is_stop(trade):
            self.stops.append(at)

    def first_after(self, time: int) -> int:
        """The index of the first that was closed later than that."""
        return bisect_right(self.times, time)


def _is_stop(trade: ClosedTrade) -> bool:
    return trade.realised_pnl < 0 and trade.by in ("stop", "trail")


_NONE = Closings()


@dataclass(slots=True)
class ClosedTrades:
    """What was closed by the order's event time `at`: of the account, and of the order's strategy where it has one.

    `complete_since` is None where nothing that a limit looks back to is left out; else older ones are.
    """

    at: int
    account: Closings
    strategy: Closings | None = None
    complete_since: int | None = None

    def held_against(self, limit: Limit, symbol: str) -> Closings | None:
        """What a limit looks at; None where it is not known.

        A strategy's looks at that strategy, every wider one at the account; one that is for a symbol at that symbol.
        """
        closings = self.strategy if limit.scope == "strategy" else self.account
        if closings is None or limit.symbol is None:
            return closings
        return closings.by_symbol.get(symbol, _NONE)

    def misses(self, span: int) -> bool:
        """Whether older ones are left out that a look this far back would have to see."""
        return self.complete_since is not None and self.at - span < self.complete_since


def moment(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - _EPOCH) // _TICK


@lru_cache(maxsize=4096)
def span_of(minutes: Decimal) -> int:
    """Microseconds; what is longer than ten years is ten years."""
    return min(int(minutes * _MINUTE), _TEN_YEARS)


def shown_time(at: int) -> str:
    """A moment as UTC text."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat()
