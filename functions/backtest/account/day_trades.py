"""Day trades as they happen: what is opened and closed on one exchange day."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from functions.backtest.account.days import Day


class DayTrades:
    """By day and symbol, the orders that opened something, and those that closed something after that."""

    __slots__ = ("_days",)

    def __init__(self) -> None:
        self._days: dict[dt.date, dict[str, tuple[set[str], set[str]]]] = {}

    def filled(self, day: Day, order_id: str, symbol: str, before: Decimal, signed: Decimal) -> None:
        """An execution, and what the account held before it."""
        if day.date not in self._days:
            since = day.counted_from
            if since is not None:
                self._days = {date: found for date, found in self._days.items() if date >= since}
            self._days[day.date] = {}
        opened, closed = self._days[day.date].setdefault(symbol, (set(), set()))
        after = before + signed
        if before * signed < 0 and opened:
            closed.add(order_id)
        if after * signed > 0:
            opened.add(order_id)

    def count(self, day: Day) -> Decimal | None:
        """Those of the five sessions that end with a day; None where the calendar does not reach back so far."""
        since = day.counted_from
        if since is None:
            return None
        found = (each for date, each in self._days.items() if date >= since)
        return Decimal(sum(min(len(opened), len(closed)) for each in found for opened, closed in each.values()))
