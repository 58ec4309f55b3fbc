"""Bars of any timeframe from minute bars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby

from local.simulators.alpaca import refusals
from local.simulators.alpaca.wire import NEW_YORK
from local.tape.model import Bar

_PATTERN = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D)")
_MOST = {"Min": 59, "T": 59, "Hour": 23, "H": 23, "Day": 1, "D": 1}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """`width` is the length of a bar; None means a day."""

    width: timedelta | None

    @classmethod
    def read(cls, text: str | None) -> Timeframe:
        """Raises Refusal 400."""
        match = _PATTERN.fullmatch(text or "")
        if match is None or not 1 <= int(match[1]) <= _MOST[match[2]]:
            raise refusals.bad_data_request(f"invalid timeframe: expected 1-59Min, 1-23Hour or 1Day, was {text!r}")
        if match[2] in ("Day", "D"):
            return cls(None)
        return cls(timedelta(minutes=int(match[1]) * (60 if match[2] in ("Hour", "H") else 1)))


def midnight(day: date) -> datetime:
    """When a daily bar starts: midnight in New York, as UTC."""
    return datetime.combine(day, time.min, NEW_YORK).astimezone(UTC)


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
