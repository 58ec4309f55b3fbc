"""Scenarios on hand-made bars: RSI over 4 moves, in below 30, out above 55."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from functions.strategy.bars import Bars
from functions.strategy.catalogue import build
from functions.strategy.decision import Decision
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import FLAT, Position
from tests.unit.strategy.hand_made import minute_bars, standing

D = Decimal
LONG = Position(D(100), D(100))


def decide(bars: Bars, position: Position = FLAT, **config: Any) -> Decision:
    strategy = build("rsi_reversion", {"period": 4, "stop_percent": "10", **config}, ["SPY"])
    return evaluate(strategy, bars, standing(position))


def test_rsi_when_it_crosses_below_oversold_then_buys_with_a_planned_stop() -> None:
    # Moves: +2 -1 +2 -1 then -7: 4 of 5 gained before (80), then 2 of 11 (18.18).
    decision = decide(minute_bars([100, 102, 101, 103, 102, 95]))
    (order,) = decision.orders
    assert (decision.action, order.side, order.position_intent) == ("open", "buy", "buy_to_open")
    assert order.stop_loss_price == D("85.50")
    assert decision.reason == "RSI 18.18 over 4 moves crossed below 30"


def test_rsi_when_it_was_below_before_then_it_is_no_cross() -> None:
    decision = decide(minute_bars([100, 102, 101, 103, 102, 95, 94]))
    assert (decision.action, decision.orders) == ("stay", ())
    assert decision.reason.startswith("no cross below 30")


def test_rsi_when_exactly_oversold_then_it_is_not_below() -> None:
    # Moves: +1 +1 +1 -7: 3 of 10 is 30 exactly.
    assert decide(minute_bars([99, 100, 101, 102, 103, 96])).action == "stay"


def test_rsi_when_nothing_moved_then_it_is_neutral() -> None:
    decision = decide(minute_bars([100] * 6))
    assert decision.reason == "no cross below 30: RSI 50 over 4 moves"


@pytest.mark.parametrize(("last", "action"), [("100.10", "stay"), ("100.11", "close")])
def test_rsi_when_held_then_it_is_left_above_the_exit_level_only(last: str, action: str) -> None:
    # Moves: 0 -0.9 0 then +1.1 (55 exactly) or +1.11.
    decision = decide(minute_bars([100, 99.9, 99.9, 99.0, 99.0, last]), LONG)
    assert decision.action == action
    if action == "close":
        assert decision.orders[0].position_intent == "sell_to_close"
        assert "above the exit level 55" in decision.reason


@pytest.mark.parametrize(("close", "action"), [("98.0001", "stay"), ("98", "close")])
def test_rsi_when_the_stop_is_reached_then_it_is_left(close: str, action: str) -> None:
    decision = decide(minute_bars([104, 103, 102, 101, 100, close]), LONG, stop_percent="2")
    assert decision.action == action


def test_rsi_when_bars_are_too_few_then_stays_and_says_how_many() -> None:
    assert decide(minute_bars([100, 99, 98, 97, 96])).reason == "warming up: 5 of 6 bars"
