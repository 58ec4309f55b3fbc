"""The strategies of a demo, by name: the two of the quick one, or one of every built-in kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

StrategyChoice = Literal["default", "all"]


@dataclass(frozen=True, slots=True)
class DemoStrategy:
    """A strategy as the demo's trader writes it. Quantities in shares or contracts."""

    name: str
    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    timeframe: str = "1Min"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What is traded, and within which limits of the account: name, value, unit."""

    strategies: Sequence[DemoStrategy]
    limits: Sequence[tuple[str, str, str]]


DEFAULT_PLAN: Final = DemoPlan(
    strategies=(
        DemoStrategy("Moving-average cross", "moving_average_cross", {"fast": 10, "slow": 30, "quantity": "100"}),
        DemoStrategy(
            "RSI reversion", "rsi_reversion", {"period": 14, "oversold": 30, "exit_level": 55, "quantity": "50"}
        ),
    ),
    # Wide enough for the demo's orders, narrow enough to mean something.
    limits=(
        ("position_limit", "500", "shares or contracts"),
        ("capital_limit", "250000", "dollars"),
        ("max_loss_per_trade", "2500", "dollars"),
    ),
)

# Each kind of option strategy has expiries of its own: an account's contracts are one position at the broker, and what
# one strategy sold another must not buy. Prices yield to what trades at once, so that each trades early in a session.
_SOLD: Final[dict[str, Any]] = {"yielding": "1", "delta_within": "0.2", "chain_width": "0.06"}
_SPREAD: Final[dict[str, Any]] = _SOLD | {"width": "2", "width_within": "1", "least_credit_share": "0.02"}
EVERY_KIND: Final = DemoPlan(
    strategies=(
        DemoStrategy("Moving-average cross", "moving_average_cross", {"fast": 3, "slow": 8, "quantity": "20"}),
        DemoStrategy(
            "RSI reversion", "rsi_reversion", {"period": 5, "oversold": 35, "exit_level": 55, "quantity": "20"}
        ),
        DemoStrategy(
            "Opening-range breakout",
            "opening_range_breakout",
            {"range_minutes": 5, "stop": "percent", "stop_percent": "0.5", "quantity": "20"},
        ),
        DemoStrategy(
            "Momentum rotation",
            "momentum_rotation",
            {"lookback": 4, "rotate_after_minutes": 5, "rotate_every_minutes": 10, "size_in": "shares", "size": "10"},
        ),
        DemoStrategy(
            "Covered call",
            "covered_call",
            _SOLD | {"days_from": 9, "days": 9, "days_to": 11, "exit_days": 1},
            "5Min",
        ),
        DemoStrategy(
            "Cash-secured put",
            "cash_secured_put",
            _SOLD | {"days_from": 7, "days": 7, "days_to": 8, "exit_days": 1, "enter_minutes_after_open": 5},
            "5Min",
        ),
        # Of the day: what is assigned at the close has calls sold against it on the next one.
        DemoStrategy("Wheel", "wheel", _SOLD | {"days_from": 0, "days": 0, "days_to": 0, "profit_share": "1"}, "5Min"),
        DemoStrategy(
            "Credit spread",
            "credit_spread",
            _SPREAD | {"days_from": 3, "days": 3, "days_to": 5, "exit_days": 2, "enter_minutes_after_open": 5},
            "5Min",
        ),
        DemoStrategy(
            "Iron condor",
            "iron_condor",
            _SPREAD | {"days_from": 1, "days": 1, "days_to": 3, "enter_minutes_after_open": 5},
            "5Min",
        ),
    ),
    # A put that is sold against cash may lose its whole strike.
    limits=(
        ("position_limit", "500", "shares or contracts"),
        ("capital_limit", "250000", "dollars"),
        ("max_loss_per_trade", "50000", "dollars"),
    ),
)


def demo_plan(choice: StrategyChoice) -> DemoPlan:
    """What the demo's trader trades."""
    return EVERY_KIND if choice == "all" else DEFAULT_PLAN
