"""The planned stop: a percentage away from the price, checked by the strategy on each completed bar."""

from __future__ import annotations

from decimal import Decimal

from functions.core.money import text
from functions.strategy.bars import to_price
from functions.strategy.interface import Moment, Position, Side


def planned(side: Side, price: Decimal, percent: Decimal) -> Decimal:
    """The protective price of an entry: below it for a buy, above it for a sell. Not yet on the tick."""
    distance = price * percent / 100
    return price - distance if side == "buy" else price + distance


def hit(now: Moment, percent: Decimal) -> str | None:
    """Why the position must be left: its close is at or beyond the stop. None where it is not, or nothing is held."""
    stop = _stop(now.position, percent)
    if stop is None:
        return None
    close = to_price(now.bar.close)
    long = now.position.quantity > 0
    if close > stop if long else close < stop:
        return None
    beyond = "at or below" if long else "at or above"
    return f"close {text(close)} is {beyond} the stop {text(stop)}, {text(percent)} % from the entry"


def _stop(position: Position, percent: Decimal) -> Decimal | None:
    if position.quantity == 0 or position.average_entry is None:
        return None
    return planned("buy" if position.quantity > 0 else "sell", position.average_entry, percent)
