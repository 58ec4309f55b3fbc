"""Mean reversion by the relative strength index."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pydantic import Field, ValidationInfo, field_validator

from functions.core.money import Amount, rounded, text
from functions.strategy.bars import LONGEST_WINDOW, Bars, to_price
from functions.strategy.indicators import earlier, gains, losses, window_sum
from functions.strategy.interface import Close, Columns, Intent, Moment, Open, Stay, Strategy, StrategyConfig, examples
from functions.strategy.protective_stop import hit, planned

_NEUTRAL = 50


class RsiReversion(Strategy):
    """Buys when the RSI crosses below `oversold`, leaves when it is above `exit_level` or the stop is hit.

    The index is J. Welles Wilder's (New Concepts in Technical Trading Systems, 1978), in David Cutler's variant: simple
    sums of gains and losses over `period` in place of Wilder's smoothing. Wilder's value depends on where its history
    began; Cutler's depends on `period` moves only, so it is exact after any restart. RSI = 100 x gains / (gains +
    losses); a window without any move is neutral, 50. A cross below: it was at or above the level and is now below it.
    """

    kind = "rsi_reversion"
    title = "RSI reversion"

    class Config(StrategyConfig):
        model_config = examples(
            {"period": 14, "oversold": 30, "exit_level": 55},
            {"timeframe": "15Min", "period": 5, "oversold": 20, "exit_level": 60, "stop_percent": "3"},
        )

        period: int = Field(14, strict=True, ge=2, le=LONGEST_WINDOW // 2, description="Window of the RSI, moves")
        oversold: int = Field(30, strict=True, ge=1, le=98, description="Buy when the RSI crosses below this, 0 to 100")
        exit_level: int = Field(
            55, strict=True, ge=2, le=99, description="Leave when the RSI is above this, 0 to 100; above oversold"
        )
        quantity: Amount = Field(Decimal(100), gt=0, le=1_000_000, description="Shares or contracts per entry")
        stop_percent: Amount = Field(
            Decimal(2), gt=0, lt=100, description="Leave when a bar closes this far below the entry price, percent"
        )

        @field_validator("exit_level")
        @classmethod
        def _exit_is_above_entry(cls, exit_level: int, info: ValidationInfo) -> int:
            oversold = info.data.get("oversold")
            if oversold is not None and exit_level <= oversold:
                raise ValueError(f"must be above oversold, which is {oversold}")
            return exit_level

    config: Config

    def warm_up(self) -> int:
        # `period` moves need one close more, and the cross needs the index one bar earlier.
        return self.config.period + 2

    def indicators(self, bars: Bars) -> Columns:
        gained = window_sum(gains(bars.close), self.config.period)
        lost = window_sum(losses(bars.close), self.config.period)
        return {
            "gained": gained,
            "lost": lost,
            "gained_before": earlier(gained, 1),
            "lost_before": earlier(lost, 1),
        }

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        gained, lost = now.values["gained"], now.values["lost"]
        index = f"RSI {_shown(gained, lost)} over {self.config.period} moves"
        if stopped := hit(now, self.config.stop_percent):
            return [Close(reason=stopped)]
        if now.position.quantity != 0:
            if _against(gained, lost, self.config.exit_level) > 0:
                return [Close(reason=f"{index} is above the exit level {self.config.exit_level}")]
            return [Stay(f"holding {text(now.position.quantity)}: {index}, exit above {self.config.exit_level}")]
        was_below = _against(now.values["gained_before"], now.values["lost_before"], self.config.oversold) < 0
        if _against(gained, lost, self.config.oversold) < 0 and not was_below:
            stop = planned("buy", to_price(now.bar.close), self.config.stop_percent)
            reason = f"{index} crossed below {self.config.oversold}"
            return [Open(side="buy", quantity=self.config.quantity, stop=stop, reason=reason)]
        return [Stay(f"no cross below {self.config.oversold}: {index}")]


def _against(gained: int, lost: int, level: int) -> int:
    """Above zero where the RSI is above the level, below zero where below: integers, so that a tie is a tie."""
    moved = gained + lost
    return 100 * gained - level * moved if moved else _NEUTRAL - level


def _shown(gained: int, lost: int) -> str:
    moved = gained + lost
    return text(rounded(Decimal(100 * gained) / moved, 2)) if moved else str(_NEUTRAL)
