"""What was ordered, counted as it comes: for the rules on the flow of orders."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from functions.backtest.account.days import Day
from functions.backtest.account.placed import Placed, Working
from functions.risk.book import ZERO, Side
from functions.risk.facts.closed import moment, span_of
from functions.risk.facts.orders import OtherSide, RestingOrder
from functions.risk.limits import Scope

_MICROSECOND = timedelta(microseconds=1)
_MOST = 500
"""As the ledger: of more working orders on one side of a symbol nothing is told, and the rule denies."""
_RESTS = ("market", "limit", "stop_limit")
_STANDS_NOT = ("canceled", "rejected", "expired", "replaced")


class OrderLog:
    """Orders by when and by whom they were placed, those that rest in the market, and the day's entries."""

    __slots__ = ("_day", "_entries", "_equal", "_placed", "_resting")

    def __init__(self) -> None:
        self._placed: dict[str | None, list[int]] = defaultdict(list)
        self._equal: dict[tuple[Any, ...], list[tuple[str, datetime]]] = {}
        self._resting: dict[tuple[str, Side], dict[str, RestingOrder]] = defaultdict(dict)
        self._day: Day | None = None
        self._entries: dict[str | None, dict[str, Decimal]] = {}

    # --- what is told -----------------------------------------------------------------------------------------------

    def placed(self, placed: Placed) -> None:
        """An order was placed, whatever became of it: what runs away stays cut off."""
        at = moment(placed.order.event_time)
        self._placed[None].append(at)
        if placed.strategy is not None:
            self._placed[placed.strategy].append(at)

    def approved(self, order: Working, day: Day) -> None:
        """It works now."""
        placed = order.placed
        self._equal.setdefault(order.sort, []).append((placed.order_id, order.at))
        if not placed.order.several_legs and placed.order.order_type in _RESTS:
            proposed = placed.order
            rests = RestingOrder(placed.order_id, proposed.order_type, proposed.limit_price, proposed.stop_price)
            self._resting[proposed.symbol, proposed.side][placed.order_id] = rests
        self._enters(order, day, Decimal(1))

    def over(self, order: Working, how: str, day: Day) -> None:
        """It works no more: filled, canceled, expired, or rejected."""
        placed = order.placed
        self._resting.get((placed.order.symbol, placed.order.side), {}).pop(placed.order_id, None)
        equal = self._equal[order.sort]
        place = next(index for index, one in enumerate(equal) if one[0] == placed.order_id)
        if how not in _STANDS_NOT:
            # It stands for good, so that those before it will not be asked for again.
            del equal[:place]
        else:
            del equal[place]
            if not equal:
                del self._equal[order.sort]
            if not order.filled:
                self._enters(order, day, Decimal(-1))

    def _enters(self, order: Working, day: Day, count: Decimal) -> None:
        self._turn(day)
        if order.placed.order.reduce_only or order.at < day.begins:
            return
        for owner in {None, order.placed.strategy}:
            entries = self._entries.setdefault(owner, {})
            for leg in order.placed.order.legs:
                if not leg.closes:
                    entries[leg.symbol] = entries.get(leg.symbol, ZERO) + count

    def _turn(self, day: Day) -> None:
        if self._day is None or self._day.date != day.date:
            self._day, self._entries = day, {}

    # --- what is asked ----------------------------------------------------------------------------------------------

    def since_equal(self, placed: Placed, within: Decimal) -> Decimal | None:
        """Seconds since the newest equal order that stands, where that is no longer ago."""
        equal = self._equal.get(placed.sort)
        if not equal:
            return None
        passed = Decimal((placed.order.event_time - equal[-1][1]) // _MICROSECOND).scaleb(-6)
        return passed if passed <= within else None

    def other_side(self, placed: Placed) -> dict[str, OtherSide] | None:
        """What rests on the other side of an order, by symbol; None where that is too much to look at."""
        order = placed.order
        if order.several_legs:
            return {}
        side: Side = "sell" if order.side == "buy" else "buy"
        rests = self._resting.get((order.symbol, side))
        if not rests:
            return {}
        return None if len(rests) > _MOST else {order.symbol: OtherSide.of(side, rests.values())}

    def placed_within(self, scope: Scope, strategy: str | None, seconds: Decimal, at: datetime) -> int:
        """How many orders a scope placed in the seconds before a moment."""
        times = self._placed.get(strategy if scope == "strategy" else None, [])
        return len(times) - bisect_right(times, moment(at) - span_of(seconds / 60))

    def entries(self, scope: Scope, strategy: str | None, day: Day) -> dict[str, Decimal]:
        """The entries of a scope on an exchange day, by symbol."""
        self._turn(day)
        return self._entries.get(strategy if scope == "strategy" else None, {})
