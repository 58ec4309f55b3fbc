"""Breakout of the range of the session's first minutes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from functions.core.money import Amount, text
from functions.strategy.bars import MISSING, TIMEFRAME_LENGTHS, Bars, to_price
from functions.strategy.interface import (
    Close,
    Columns,
    Intent,
    Mask,
    Moment,
    NoTrade,
    Open,
    Side,
    Stay,
    Strategy,
    StrategyConfig,
    examples,
)
from functions.strategy.protective_stop import planned
from functions.strategy.runs import SESSION_MINUTES, ages, minutes_since_open, sessions

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Range:
    """High and low of the opening range, dollars."""

    high: Decimal
    low: Decimal

    def __str__(self) -> str:
        return f"opening range {text(self.low)} to {text(self.high)}"


class OpeningRangeBreakout(Strategy):
    """Enters when a bar closes beyond the high or low of the session's first minutes; leaves by stop, target or time.

    Toby Crabel, Day Trading with Short Term Price Patterns and Opening Range Breakout, 1990; here the range is that of
    the first minutes, as most have used it since. Only the session's first close beyond a side counts, so there is one
    entry for each side and session at most. Where the first close beyond one side also ends a position on the other,
    the entry comes one bar later, if that bar too closes beyond. The target is a multiple of the risk, which is the
    distance from the entry to the stop. A position that is still there when the next session begins is left.
    """

    kind = "opening_range_breakout"
    title = "Opening-range breakout"
    optional = frozenset({"range_high", "range_low", "range_minutes", "above", "below"})

    class Config(StrategyConfig):
        model_config = examples(
            {"timeframe": "5Min", "range_minutes": 30, "target_multiple": "1.5", "allow_short": True},
            {"range_minutes": 15, "stop": "percent", "stop_percent": "0.5", "quantity": "50"},
        )

        range_minutes: int = Field(
            30, strict=True, ge=1, le=180, description="The opening range: the session's first minutes; whole bars"
        )
        coverage_percent: int = Field(
            80, strict=True, ge=1, le=100, description="No trade where fewer of the range's minutes have bars, percent"
        )
        stop: Literal["range", "percent"] = Field(
            "range", description="The stop: the other side of the range, or stop_percent from the entry"
        )
        stop_percent: Amount = Field(
            Decimal(1), gt=0, lt=100, description="Leave when a bar closes this far beyond the entry; for stop percent"
        )
        target_multiple: Amount = Field(
            Decimal(2), gt=0, le=100, description="Leave when a bar closes with this multiple of the risk as profit"
        )
        exit_minutes: int = Field(
            15, strict=True, ge=1, le=180, description="Leave this many minutes before the close; no entry from then on"
        )
        quantity: Amount = Field(Decimal(100), gt=0, le=1_000_000, description="Shares per entry")
        allow_short: bool = Field(False, strict=True, description="Also go short on a close below the range")

        @field_validator("range_minutes")
        @classmethod
        def _range_is_whole_bars(cls, range_minutes: int, info: ValidationInfo) -> int:
            timeframe = info.data.get("timeframe")
            if timeframe is not None and range_minutes % (TIMEFRAME_LENGTHS[timeframe] // _MINUTE):
                raise ValueError(f"must be whole bars of {timeframe}")
            return range_minutes

    config: Config

    def warm_up(self) -> int:
        # A whole session, so that the newest bar always sees the first one of its day.
        return -(-SESSION_MINUTES // self._bar_minutes())

    def least_bars(self) -> int:
        return 1

    def indicators(self, bars: Bars) -> Columns:
        since_open, runs = minutes_since_open(bars), sessions(bars)
        within = (since_open != MISSING) & (since_open <= self.config.range_minutes)
        covered = runs.total(np.where(within, self._bar_minutes(), 0))
        # Up to here a value may be of bars yet to come; it counts from the bar on that ends with the range or later.
        complete = (since_open != MISSING) & (since_open >= self.config.range_minutes)
        known = complete & (covered > 0)
        high = np.where(known, runs.highest(np.where(within, bars.high, MISSING)), MISSING)
        low = np.where(known, runs.lowest(np.where(within, bars.low, np.iinfo(np.int64).max)), MISSING)
        return {
            "range_minutes": np.where(complete, covered, MISSING),
            "range_high": high,
            "range_low": low,
            "above": ages(known & (bars.close > high), runs),
            "below": ages(known & (bars.close < low), runs),
        }

    def wake(self, columns: Columns) -> Mask:
        above, below = columns["above"], columns["below"]
        awake: Mask = (above == 0) | (above == 1) | (below == 0) | (below == 1)
        return awake

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        if now.position.quantity != 0:
            return [self._exit(now)]
        found = self._range(now)
        if now.until_close <= self._before_close():
            return [Stay(f"no entry in the last {self.config.exit_minutes} minutes of the session")]
        if self._breaks(now, "above", "below", beyond=now.price > found.high):
            return [self._entry("buy", now, found)]
        if self._breaks(now, "below", "above", beyond=now.price < found.low):
            if self.config.allow_short:
                return [self._entry("sell", now, found)]
            return [Stay(f"close {text(now.price)} is below the {found}; going short is not allowed")]
        return [Stay(f"no first close beyond the {found}: close {text(now.price)}")]

    def _range(self, now: Moment) -> _Range:
        """The session's range. Raises NoTrade where it is not complete, or of too few minutes."""
        minutes, covered = self.config.range_minutes, now.values.get("range_minutes")
        if covered is None:
            since_open = now.since_open // _MINUTE
            raise NoTrade(f"{since_open} of the {minutes} minutes of the opening range have passed")
        if covered * 100 < self.config.coverage_percent * minutes:
            needed = f"{self.config.coverage_percent} % are needed"
            raise NoTrade(f"the opening range has bars for {covered} of its {minutes} minutes; {needed}")
        return _Range(to_price(now.values["range_high"]), to_price(now.values["range_low"]))

    def _breaks(self, now: Moment, side: str, other: str, *, beyond: bool) -> bool:
        """The first close beyond this side; or the bar after it, where the other side had been entered before."""
        age = now.values.get(side)
        return beyond and (age == 0 or (age == 1 and self.config.allow_short and other in now.values))

    def _entry(self, side: Side, now: Moment, found: _Range) -> Open:
        stop = self._stop(side, now.price, found)
        where = "above" if side == "buy" else "below"
        return Open(
            side=side,
            quantity=self.config.quantity,
            stop=stop,
            target=now.price + (now.price - stop) * self.config.target_multiple,
            time_exit=now.event_time + now.until_close - self._before_close(),
            reason=f"close {text(now.price)} is the first {where} the {found}",
        )

    def _exit(self, now: Moment) -> Intent:
        held, entry = now.position.quantity, now.position.average_entry or Decimal(0)
        if now.until_close <= self._before_close():
            return Close(reason=f"{now.until_close // _MINUTE} minutes before the close: the day's position is left")
        if "range_high" not in now.values:
            return Close(reason="held from before this session's opening range: left")
        found = _Range(to_price(now.values["range_high"]), to_price(now.values["range_low"]))
        # Upward is profit where it is long, downward where it is short.
        sign = 1 if held > 0 else -1
        stop = self._stop("buy" if held > 0 else "sell", entry, found)
        risk = (entry - stop) * sign
        target = entry + risk * self.config.target_multiple * sign
        gain = f"close {text(now.price)}, entry {text(entry)}"
        if (now.price - stop) * sign <= 0:
            return Close(reason=f"stop {text(stop)} is reached: {gain}")
        if risk <= 0:
            return Close(reason=f"filled at or beyond its stop {text(stop)}: {gain}")
        if (now.price - target) * sign >= 0:
            return Close(reason=f"target {text(target)} is reached: {gain}")
        return Stay(f"holding {text(held)}: {gain}, stop {text(stop)}, target {text(target)}")

    def _stop(self, side: Side, entry: Decimal, found: _Range) -> Decimal:
        if self.config.stop == "percent":
            return planned(side, entry, self.config.stop_percent)
        return found.low if side == "buy" else found.high

    def _before_close(self) -> timedelta:
        return self.config.exit_minutes * _MINUTE

    def _bar_minutes(self) -> int:
        return TIMEFRAME_LENGTHS[self.config.timeframe] // _MINUTE
