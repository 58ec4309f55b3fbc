"""Hand-made bars: one a minute from 14:30 UTC, priced by their closes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from functions.strategy.bars import Bars
from functions.strategy.holding import NOTHING, Position, Standing

OPENING = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Row:
    """A stored bar."""

    starts_at: datetime
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(1000)


def row(index: int, close: Decimal) -> Row:
    starts_at = OPENING + index * MINUTE
    return Row(starts_at, starts_at + MINUTE, close, close, close, close)


def standing(position: Position, symbol: str = "SPY") -> Standing:
    """That of a strategy that holds this, or nothing where it is flat."""
    return Standing(held={symbol: position}) if position.quantity else NOTHING


def minute_rows(closes: Sequence[object]) -> list[Row]:
    """Stored SPY bars from closes in dollars."""
    return [row(index, Decimal(str(close))) for index, close in enumerate(closes)]


def minute_bars(closes: Sequence[object]) -> Bars:
    """SPY minute bars from closes in dollars."""
    return Bars.of("SPY", "1Min", minute_rows(closes))
