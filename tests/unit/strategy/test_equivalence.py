"""Vectorised, one bar at a time and after a restart agree exactly; the future never changes the past."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.strategy.bars import MISSING
from functions.strategy.catalogue import build, kinds
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import FLAT, Position
from functions.strategy.interface import Strategy
from functions.strategy.whole_pass import WholePass
from tests.unit.strategy.hand_made import minute_bars, standing

D = Decimal
SMALL: dict[str, dict[str, Any]] = {
    "moving_average_cross": {"fast": 2, "slow": 5, "allow_short": True},
    "rsi_reversion": {"period": 3},
}
# Few different prices make ties and crosses common.
CLOSES = st.lists(st.integers(9_900, 10_100).map(lambda cents: D(cents).scaleb(-2)), min_size=8, max_size=40)
HELD = st.sampled_from([FLAT, Position(D(100), D("100.5")), Position(D(-100), D("99.5"))])


def strategies() -> list[Strategy]:
    return [build(kind, config, ["SPY"]) for kind, config in SMALL.items()]


def test_equivalence_when_a_kind_is_built_in_then_it_is_tested_here() -> None:
    assert set(SMALL) == set(kinds())


@pytest.mark.parametrize("strategy", strategies(), ids=list(SMALL))
@settings(max_examples=40, deadline=None)
@given(closes=CLOSES)
def test_indicators_when_vectorised_or_by_the_warm_up_window_only_then_they_are_equal(
    strategy: Strategy, closes: list[Decimal]
) -> None:
    bars, warm_up = minute_bars(closes), strategy.inputs().warm_up
    whole = strategy.indicators(bars)
    for stop in range(warm_up, len(bars) + 1):
        window = strategy.indicators(bars.window(stop - warm_up, stop))
        at_bar = {name: int(values[-1]) for name, values in window.items()}
        assert at_bar == {name: int(values[stop - 1]) for name, values in whole.items()}
        assert MISSING not in at_bar.values()


@pytest.mark.parametrize("strategy", strategies(), ids=list(SMALL))
@settings(max_examples=40, deadline=None)
@given(closes=CLOSES, other=CLOSES, cut=st.integers(1, 40))
def test_indicators_when_the_future_differs_then_the_past_does_not(
    strategy: Strategy, closes: list[Decimal], other: list[Decimal], cut: int
) -> None:
    known = closes[:cut]
    expected = {name: values.tolist() for name, values in strategy.indicators(minute_bars(known)).items()}
    another = strategy.indicators(minute_bars(known + other))
    assert {name: values[: len(known)].tolist() for name, values in another.items()} == expected


@pytest.mark.parametrize("strategy", strategies(), ids=list(SMALL))
@settings(max_examples=60, deadline=None)
@given(closes=CLOSES, held=HELD)
def test_evaluate_when_all_history_or_the_warm_up_only_is_loaded_then_the_decision_is_equal(
    strategy: Strategy, closes: list[Decimal], held: Position
) -> None:
    bars = minute_bars(closes)
    restarted = evaluate(
        build(strategy.kind, SMALL[strategy.kind], ["SPY"]), bars.last(strategy.warm_up()), standing(held)
    )
    assert restarted == evaluate(strategy, bars, standing(held))


@pytest.mark.parametrize("strategy", strategies(), ids=list(SMALL))
@settings(max_examples=40, deadline=None)
@given(closes=CLOSES, held=HELD)
def test_whole_pass_when_over_a_history_then_each_decision_is_that_of_evaluate(
    strategy: Strategy, closes: list[Decimal], held: Position
) -> None:
    bars = minute_bars(closes)
    whole = WholePass(strategy, bars)
    for index in range(len(bars)):
        alone = evaluate(strategy, bars.window(0, index + 1), standing(held))
        assert whole.decide(index, standing(held)) == alone
        if whole.asleep(index):
            assert whole.decide(index).action == "stay"


@pytest.mark.parametrize("strategy", strategies(), ids=list(SMALL))
@settings(max_examples=30, deadline=None)
@given(closes=CLOSES)
def test_evaluate_when_run_over_a_day_then_it_never_turns_a_position_around_in_one_order(
    strategy: Strategy, closes: list[Decimal]
) -> None:
    position = FLAT
    for stop in range(1, len(closes) + 1):
        decision = evaluate(strategy, minute_bars(closes[:stop]), standing(position))
        assert decision.reason
        assert len(decision.orders) <= 1
        for order in decision.orders:
            signed = order.quantity if order.side == "buy" else -order.quantity
            after = position.quantity + signed
            assert position.quantity * after >= 0
            assert not order.reduce_only or abs(after) < abs(position.quantity)
            position = Position(after, closes[stop - 1] if after else None)
