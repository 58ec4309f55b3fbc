"""Minute bars put together to longer ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from local.tape.model import Bar


def grouped(bars: Sequence[Bar], width: timedelta) -> list[Bar]:
    """Minute bars put together on the clock's own grid; the last one may still be growing."""

    def start(bar: Bar) -> datetime:
        day = bar.starts_at.replace(hour=0, minute=0, second=0, microsecond=0)
        return day + (bar.starts_at - day) // width * width

    return [_joined(list(group), at, width) for at, group in groupby(bars, key=start)]


def _joined(bars: list[Bar], starts_at: datetime, width: timedelta) -> Bar:
    volume = sum(bar.volume for bar in bars)
    trades = [bar.trades for bar in bars if bar.trades is not None]
    turnover = [bar.vwap * bar.volume for bar in bars if bar.vwap is not None]
    complete = len(turnover) == len(bars) and volume > 0
    return Bar(
        symbol=bars[0].symbol,
        starts_at=starts_at,
        ends_at=starts_at + width,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=volume,
        trades=sum(trades) if len(trades) == len(bars) else None,
        vwap=round(sum(turnover, Decimal(0)) / volume, 6) if complete else None,
    )
