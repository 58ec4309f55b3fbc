"""Rotation into the symbols of a list that rose most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from functions.core.errors import BadInput
from functions.core.money import Amount, rounded, text
from functions.strategy.bars import LONGEST_WINDOW, MISSING, TIMEFRAME_LENGTHS, Bars, to_price
from functions.strategy.interface import (
    Close,
    Columns,
    Intent,
    Mask,
    Moment,
    NoTrade,
    Open,
    Seen,
    Stay,
    Strategy,
    StrategyConfig,
    Timeframe,
    examples,
)
from functions.strategy.runs import SESSION_MINUTES, Runs, minutes_since_open


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The returns over the lookback of the symbols that take part, best first; and why the others do not."""

    returns: Mapping[str, Fraction]
    left_out: tuple[str, ...]

    def best(self, count: int) -> list[str]:
        """The best of those that rose."""
        return [symbol for symbol, gained in self.returns.items() if gained > 0][:count]

    def __str__(self) -> str:
        shown = ", ".join(f"{symbol} {_percent(gained)} %" for symbol, gained in self.returns.items()) or "no symbol"
        return "; ".join((f"ranked {shown}", *self.left_out))


class MomentumRotation(Strategy):
    """Holds the best symbols of its list by return over a lookback, of those that rose; the rest is in cash.

    Narasimhan Jegadeesh and Sheridan Titman, Returns to Buying Winners and Selling Losers, 1993, for the ranking; Gary
    Antonacci, Dual Momentum Investing, 2014, for the condition that the return is positive. A rotation begins with the
    first bar that ends at its time in the session, and ranks by the return up to that bar. It goes on for some bars:
    what is not among the best is sold first, and what is missing is bought when the sales are done. A symbol that has
    missed a bar of the rotation is left out until the next, neither bought nor sold, and keeps its place where it is
    held. Equal returns rank in the order of the list.
    """

    kind = "momentum_rotation"
    title = "Momentum rotation"
    together = True
    optional = frozenset({"rotation_bar", "last", "base"})

    class Config(StrategyConfig):
        model_config = examples(
            {"timeframe": "1Hour", "lookback": 140, "hold": 2, "rotate_after_minutes": 60, "size": "20000"},
            {"timeframe": "5Min", "lookback": 78, "rotate_every_minutes": 60, "size_in": "shares", "size": "50"},
        )

        lookback: int = Field(
            60, strict=True, ge=1, le=LONGEST_WINDOW, description="The return is over this many bars, sessions run on"
        )
        hold: int = Field(1, strict=True, ge=1, le=50, description="Hold at most this many symbols")
        rotate_after_minutes: int = Field(
            30, strict=True, ge=1, le=180, description="The day's first rotation, minutes after the open"
        )
        rotate_every_minutes: int | None = Field(
            None, strict=True, ge=5, le=SESSION_MINUTES, description="Rotate again so often; empty: once a day"
        )
        rotation_bars: int = Field(
            5, strict=True, ge=1, le=60, description="Orders of a rotation are given within this many bars"
        )
        size_in: Literal["dollars", "shares"] = Field("dollars", description="What size counts")
        size: Amount = Field(
            Decimal(10_000), gt=0, le=100_000_000, description="For each symbol held; of dollars, whole shares"
        )

        @field_validator("rotate_every_minutes")
        @classmethod
        def _rotations_are_whole_bars_apart(cls, every: int | None, info: ValidationInfo) -> int | None:
            timeframe = info.data.get("timeframe")
            if every is not None and timeframe is not None and every % _minutes(timeframe):
                raise ValueError(f"must be whole bars of {timeframe}")
            return every

        @field_validator("size")
        @classmethod
        def _shares_are_whole(cls, size: Decimal, info: ValidationInfo) -> Decimal:
            if info.data.get("size_in") == "shares" and size % 1 != 0:
                raise ValueError("must be whole shares")
            return size

    config: Config

    def __init__(self, config: StrategyConfig, symbols: tuple[str, ...]) -> None:
        super().__init__(config, symbols)
        if self.config.hold > len(symbols):
            expected = f"at most as many as it has symbols, {len(symbols)}"
            raise BadInput("BAD_CONFIG", f"hold: expected {expected}, was {self.config.hold}", field="hold")

    def warm_up(self) -> int:
        # The rotation's first bar may be the session's first, and its return reaches back from there.
        return -(-SESSION_MINUTES // _minutes(self.config.timeframe)) + self.config.lookback

    def least_bars(self) -> int:
        return self.config.lookback + 1

    def indicators(self, bars: Bars) -> Columns:
        since_open = minutes_since_open(bars)
        every = self.config.rotate_every_minutes or SESSION_MINUTES
        after_first = since_open - self.config.rotate_after_minutes
        rotating = (since_open != MISSING) & (after_first >= 0)
        number = np.where(rotating, after_first // every, -1)
        begins = Runs.where_equal(bars.opens_at, number).start
        from_bar = begins - self.config.lookback
        known = rotating & (from_bar >= 0)
        return {
            "rotation_bar": np.where(rotating, np.arange(len(bars), dtype=np.int64) - begins, MISSING),
            "last": np.where(known, bars.close[begins], MISSING),
            "base": np.where(known, bars.close[np.maximum(from_bar, 0)], MISSING),
        }

    def wake(self, columns: Columns) -> Mask:
        # Where another symbol has seen more bars of the rotation, it is over sooner, never later.
        bar = columns["rotation_bar"]
        awake: Mask = (bar != MISSING) & (bar < self.config.rotation_bars)
        return awake

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        bar = self._rotation_bar(now)
        ranking = self._ranking(now, bar)
        best = ranking.best(self.config.hold)
        held = [symbol for symbol in self.symbols if now.standing.of(symbol).quantity != 0]
        selling = [symbol for symbol in held if symbol in ranking.returns and symbol not in best]
        if selling:
            return [Close(symbol=symbol, reason=f"{symbol} is not among the best: {ranking}") for symbol in selling]
        # What is held and does not take part keeps its place.
        places = self.config.hold - len(held)
        wanted = [symbol for symbol in best if symbol not in held][: max(places, 0)]
        if not wanted:
            return [Stay(f"holding {', '.join(held) or 'nothing'}: {ranking}")]
        return [self._entry(symbol, now.seen[symbol], ranking) for symbol in wanted]

    def _rotation_bar(self, now: Moment) -> int:
        """Which bar of the rotation it is, from 0. Raises NoTrade where it is over, or has not begun."""
        bars = [seen.values["rotation_bar"] for seen in now.seen.values() if "rotation_bar" in seen.values]
        if not bars:
            first = self.config.rotate_after_minutes
            raise NoTrade(f"the first rotation is {first} minutes after the open; holding what is held")
        if max(bars) >= self.config.rotation_bars:
            raise NoTrade(f"the rotation of {self.config.rotation_bars} bars is over; holding what is held")
        return max(bars)

    def _ranking(self, now: Moment, bar: int) -> _Ranking:
        returns: dict[str, Fraction] = {}
        left_out: list[str] = []
        for symbol in self.symbols:
            seen = now.seen.get(symbol)
            if seen is None:
                left_out.append(f"{symbol} has no bar, or not yet {self.least_bars()}")
            elif seen.values.get("rotation_bar") != bar:
                left_out.append(f"{symbol} has missed a bar of this rotation")
            elif "base" not in seen.values:
                left_out.append(f"{symbol} has not {self.config.lookback} bars before this rotation")
            else:
                returns[symbol] = Fraction(seen.values["last"], seen.values["base"]) - 1
        # Sorting keeps the order of what is equal.
        ranked = sorted(returns, key=lambda symbol: -returns[symbol])
        return _Ranking({symbol: returns[symbol] for symbol in ranked}, tuple(left_out))

    def _entry(self, symbol: str, seen: Seen, ranking: _Ranking) -> Intent:
        quantity, price = self.config.size, to_price(seen.bar.close)
        if self.config.size_in == "dollars":
            quantity = (self.config.size / price).to_integral_value(ROUND_FLOOR)
        if quantity == 0:
            return Stay(f"{text(self.config.size)} dollars buy no share of {symbol} at {text(price)}: {ranking}")
        reason = f"{symbol} is among the best {self.config.hold}: {ranking}"
        return Open(side="buy", quantity=quantity, symbol=symbol, reason=reason)


def _minutes(timeframe: Timeframe) -> int:
    return TIMEFRAME_LENGTHS[timeframe] // timedelta(minutes=1)


def _percent(gained: Fraction) -> str:
    return text(rounded(Decimal(gained.numerator) / gained.denominator * 100, 2))
