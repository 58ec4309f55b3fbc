"""Scenarios on hand-made bars: fast mean over 2 bars, slow mean over 4."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.strategy.bars import Bars
from functions.strategy.catalogue import build
from functions.strategy.decision import Decision
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import FLAT, Position, Standing, WorkingOrder
from tests.unit.strategy.hand_made import OPENING, minute_bars, standing

D = Decimal
LONG = Position(D(100), D(100))
SHORT = Position(D(-100), D(100))
WORKING = WorkingOrder(
    trade_id=UUID(int=1), placed_at=OPENING, order_type="market", reduce_only=True, remaining={"SPY": D(-100)}
)
CROSS_UP = [100, 100, 99, 98, 104]
CROSS_DOWN = [100, 100, 101, 102, 96]


def decide(bars: Bars, position: Position = FLAT, **config: Any) -> Decision:
    strategy = build("moving_average_cross", {"fast": 2, "slow": 4, "stop_percent": "10", **config}, ["SPY"])
    return evaluate(strategy, bars, standing(position))


def test_cross_up_when_flat_then_buys_with_a_planned_stop() -> None:
    made = minute_bars(CROSS_UP)
    decision = decide(made)
    (order,) = decision.orders
    assert (decision.action, order.side, order.quantity) == ("open", "buy", D(100))
    assert (order.position_intent, order.reduce_only, order.order_type) == ("buy_to_open", False, "market")
    assert order.stop_loss_price == D("93.60")
    assert order.good_until == decision.bar_at + timedelta(minutes=3)
    assert decision.bar_at == made.bar(-1).ends_at
    assert decision.reason == "fast mean crossed above the slow one: fast 101 over 2 bars, slow 100.25 over 4 bars"


def test_cross_up_when_already_long_then_stays() -> None:
    decision = decide(minute_bars(CROSS_UP), LONG)
    assert (decision.action, decision.orders) == ("stay", ())
    assert decision.reason.startswith("holding 100")


def test_cross_up_when_it_was_above_before_then_it_is_no_cross() -> None:
    decision = decide(minute_bars([*CROSS_UP, 105]))
    assert decision.reason.startswith("no new cross")


def test_means_when_equal_then_neither_entry_nor_exit() -> None:
    flat_market = minute_bars([100] * 5)
    assert decide(flat_market).action == "stay"
    assert decide(flat_market, LONG).action == "stay"


def test_cross_up_when_it_comes_from_a_tie_then_it_counts() -> None:
    assert decide(minute_bars([100, 100, 100, 100, 101])).action == "open"


def test_cross_down_when_long_then_closes_all() -> None:
    decision = decide(minute_bars(CROSS_DOWN), LONG)
    (order,) = decision.orders
    assert (decision.action, order.side, order.quantity) == ("close", "sell", D(100))
    assert (order.position_intent, order.reduce_only, order.stop_loss_price) == ("sell_to_close", True, None)


def test_cross_down_when_it_was_missed_then_the_position_is_still_left() -> None:
    assert decide(minute_bars([*CROSS_DOWN, 96, 95]), LONG).action == "close"


def test_cross_down_when_flat_and_shorts_are_not_allowed_then_stays() -> None:
    assert decide(minute_bars(CROSS_DOWN)).action == "stay"


def test_cross_down_when_shorts_are_allowed_then_sells_with_a_stop_above() -> None:
    decision = decide(minute_bars([100, *CROSS_DOWN]), allow_short=True)
    (order,) = decision.orders
    assert (order.side, order.position_intent, order.reduce_only) == ("sell", "sell_to_open", False)
    assert order.stop_loss_price == D("105.60")


def test_cross_down_when_turning_around_then_closes_first_and_opens_on_the_next_bar() -> None:
    closes = [100, *CROSS_DOWN]
    first = decide(minute_bars(closes), LONG, allow_short=True)
    second = decide(minute_bars([*closes, 96]), FLAT, allow_short=True)
    third = decide(minute_bars([*closes, 96, 96]), FLAT, allow_short=True)
    assert [first.action, second.action, third.action] == ["close", "open", "stay"]
    assert second.orders[0].position_intent == "sell_to_open"


def test_cross_up_when_short_then_buys_to_close() -> None:
    (order,) = decide(minute_bars(CROSS_UP), SHORT, stop_percent="50").orders
    assert (order.side, order.quantity, order.position_intent) == ("buy", D(100), "buy_to_close")


@pytest.mark.parametrize(
    ("position", "close", "action"),
    [
        (LONG, "98.0001", "stay"),
        (LONG, "98", "close"),
        (LONG, "97", "close"),
        (SHORT, "101.9999", "stay"),
        (SHORT, "102", "close"),
    ],
)
def test_stop_when_the_close_reaches_it_then_the_position_is_left(position: Position, close: str, action: str) -> None:
    # The means agree with the position up to the last bar, so that only the stop can speak.
    trend = [60, 70, 80, 120] if position is LONG else [140, 130, 120, 80]
    decision = decide(minute_bars([*trend, close]), position, stop_percent="2")
    assert decision.action == action
    if action == "close":
        assert "the stop" in decision.reason


def test_warm_up_when_one_bar_is_missing_then_stays_and_says_how_many() -> None:
    decision = decide(minute_bars(CROSS_UP[1:]))
    assert (decision.action, decision.reason) == ("stay", "warming up: 4 of 5 bars")


def test_working_order_when_there_is_one_then_waits_even_at_the_stop() -> None:
    strategy = build("moving_average_cross", {"fast": 2, "slow": 4}, ["SPY"])
    decision = evaluate(strategy, minute_bars(CROSS_DOWN), Standing(held={"SPY": LONG}, working=(WORKING,)))
    assert decision.reason == "waiting for working order: 1 with -100 SPY remaining"
    assert decision.orders == ()
