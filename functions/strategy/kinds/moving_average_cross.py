"""Trend following by two simple moving averages."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pydantic import Field, ValidationInfo, field_validator

from functions.core.money import Amount, rounded, text
from functions.strategy.bars import LONGEST_WINDOW, TICK_PLACES, Bars, to_price
from functions.strategy.indicators import earlier, spread_of_means, window_sum
from functions.strategy.interface import (
    Close,
    Columns,
    Intent,
    Moment,
    Open,
    Side,
    Stay,
    Strategy,
    StrategyConfig,
    examples,
)
from functions.strategy.protective_stop import hit, planned


class MovingAverageCross(Strategy):
    """Goes long when the fast mean crosses above the slow one, flat when it is below; short the same way if allowed.

    A cross above: the fast mean was at or below the slow one and is now above it. Equal means are no cross and no exit.
    An exit looks at the side of the means rather than at the cross, so that a cross missed while an order was working
    does not strand a position.
    """

    kind = "moving_average_cross"
    title = "Moving-average cross"

    class Config(StrategyConfig):
        model_config = examples(
            {"fast": 10, "slow": 30, "stop_percent": "1.5"},
            {"timeframe": "5Min", "fast": 12, "slow": 48, "quantity": "50", "allow_short": True},
        )

        fast: int = Field(10, strict=True, ge=2, le=LONGEST_WINDOW // 2, description="Fast window, bars")
        slow: int = Field(30, strict=True, ge=3, le=LONGEST_WINDOW, description="Slow window, bars; above fast")
        quantity: Amount = Field(Decimal(100), gt=0, le=1_000_000, description="Shares or contracts per entry")
        stop_percent: Amount = Field(
            Decimal(2), gt=0, lt=100, description="Leave when a bar closes this far beyond the entry price, percent"
        )
        allow_short: bool = Field(False, strict=True, description="Also go short when the fast mean crosses below")

        @field_validator("slow")
        @classmethod
        def _slow_is_slower(cls, slow: int, info: ValidationInfo) -> int:
            fast = info.data.get("fast")
            if fast is not None and slow <= fast:
                raise ValueError(f"must be above fast, which is {fast}")
            return slow

    config: Config

    def warm_up(self) -> int:
        return self.config.slow + self._entry_bars()

    def indicators(self, bars: Bars) -> Columns:
        fast_sum = window_sum(bars.close, self.config.fast)
        slow_sum = window_sum(bars.close, self.config.slow)
        spread = spread_of_means(fast_sum, self.config.fast, slow_sum, self.config.slow)
        before = {f"spread_{age}_before": earlier(spread, age) for age in range(1, self._entry_bars() + 1)}
        return {"fast_sum": fast_sum, "slow_sum": slow_sum, "spread": spread, **before}

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        if stopped := hit(now, self.config.stop_percent):
            return [Close(reason=stopped)]
        held, spread, means = now.position.quantity, now.values["spread"], self._means(now)
        if held > 0 and spread < 0:
            return [Close(reason=f"fast mean fell below the slow one: {means}")]
        if held < 0 and spread > 0:
            return [Close(reason=f"fast mean rose above the slow one: {means}")]
        if held == 0 and spread > 0 and self._crossed(now, 1):
            return [self._entry("buy", now, f"fast mean crossed above the slow one: {means}")]
        if held == 0 and spread < 0 and self.config.allow_short and self._crossed(now, -1):
            return [self._entry("sell", now, f"fast mean crossed below the slow one: {means}")]
        return [Stay(f"no new cross: {means}" if held == 0 else f"holding {text(held)}: {means}")]

    def _entry_bars(self) -> int:
        # A turn-around closes on the cross's own bar and opens on the next one, so the cross must still count there.
        return 2 if self.config.allow_short else 1

    def _crossed(self, now: Moment, direction: int) -> bool:
        ages = range(1, self._entry_bars() + 1)
        return any(now.values[f"spread_{age}_before"] * direction <= 0 for age in ages)

    def _entry(self, side: Side, now: Moment, reason: str) -> Open:
        stop = planned(side, to_price(now.bar.close), self.config.stop_percent)
        return Open(side=side, quantity=self.config.quantity, stop=stop, reason=reason)

    def _means(self, now: Moment) -> str:
        parts = ((self.config.fast, now.values["fast_sum"]), (self.config.slow, now.values["slow_sum"]))
        fast, slow = (f"{text(rounded(to_price(total) / bars, TICK_PLACES))} over {bars} bars" for bars, total in parts)
        return f"fast {fast}, slow {slow}"
