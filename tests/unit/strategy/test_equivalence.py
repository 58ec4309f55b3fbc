"""Vectorised, one bar at a time and after a restart agree exactly; the future never changes the past.

Every built-in kind, over a half day and a whole day, with bars missing here and there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.strategy.bars import MISSING, Bars
from functions.strategy.catalogue import build, kinds
from functions.strategy.evaluate import Market, evaluate
from functions.strategy.holding import FLAT, NOTHING, Position, Standing
from functions.strategy.interface import Strategy
from functions.strategy.options.strategy import OptionStrategy
from functions.strategy.whole_pass import WholePass
from tests.unit.strategy.hand_made import HALF_DAY, NEXT_DAY, session_bars

D = Decimal
SYMBOLS = ("SPY", "QQQ", "IWM")
SMALL: dict[str, dict[str, Any]] = {
    "momentum_rotation": {"lookback": 3, "hold": 2, "rotate_after_minutes": 15},
    "moving_average_cross": {"fast": 2, "slow": 5, "allow_short": True},
    "opening_range_breakout": {"range_minutes": 30, "coverage_percent": 50, "allow_short": True},
    "rsi_reversion": {"period": 3},
}
# Few different prices make ties and crosses common; what is beyond them is a bar that is missing.
CENTS = st.integers(9_900, 10_140)
HALF, DAY = st.lists(CENTS, min_size=14, max_size=14), st.lists(CENTS, min_size=26, max_size=26)
HELD = st.sampled_from(
    [
        NOTHING,
        Standing(held={"SPY": Position(D(100), D("100.5"))}),
        Standing(held={"SPY": Position(D(-100), D("99.5"))}),
        Standing(held={"SPY": Position(D(100), D("100.5")), "IWM": Position(D(7), D(100))}),
    ]
)


@dataclass(frozen=True)
class History:
    """Bars of 15 minutes of each symbol; SPY has at least one."""

    bars: Mapping[str, Bars]

    @property
    def spy(self) -> Bars:
        return self.bars["SPY"]

    def until(self, index: int) -> Market:
        """The other symbols as they were at SPY's bar of this index, and nothing later."""
        ended = int(self.spy.ends_at[index])
        return Market(others={symbol: bars.until(ended) for symbol, bars in self.bars.items()})

    def newest(self, index: int, count: int) -> Market:
        """As `until`, after a restart that loaded `count` bars."""
        return Market(others={symbol: bars.last(count) for symbol, bars in self.until(index).others.items()})


def bars_of(symbol: str, half: Sequence[int], day: Sequence[int]) -> Bars:
    short, full = ([D(each).scaleb(-2) if each <= 10_100 else None for each in cents] for cents in (half, day))
    if symbol == "SPY":
        short[0] = D(100)
    return session_bars((HALF_DAY, short), (NEXT_DAY, full), timeframe="15Min", symbol=symbol)


SPY = st.builds(bars_of, st.just("SPY"), HALF, DAY)
HISTORIES = st.builds(
    lambda *bars: History({each.symbol: each for each in bars}),
    *(st.builds(bars_of, st.just(symbol), HALF, DAY) for symbol in SYMBOLS),
)


def strategy_of(kind: str) -> Strategy:
    return build(kind, {"timeframe": "15Min", **SMALL[kind]}, list(SYMBOLS))


@pytest.fixture(params=list(SMALL), scope="module")
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return strategy_of(request.param)


def test_equivalence_when_a_kind_is_built_in_then_it_is_tested_here() -> None:
    shares = {kind for kind, strategy in kinds().items() if not issubclass(strategy, OptionStrategy)}
    assert set(SMALL) == shares


@settings(max_examples=20, deadline=None)
@given(bars=SPY)
def test_indicators_when_vectorised_or_by_the_warm_up_window_only_then_they_are_equal(
    strategy: Strategy, bars: Bars
) -> None:
    warm_up = strategy.inputs().warm_up
    whole = strategy.indicators(bars)
    for stop in range(warm_up, len(bars) + 1):
        window = strategy.indicators(bars.window(stop - warm_up, stop))
        at_bar = {name: int(values[-1]) for name, values in window.items()}
        assert at_bar == {name: int(values[stop - 1]) for name, values in whole.items()}
        assert {name for name, value in at_bar.items() if value == MISSING} <= strategy.optional


@settings(max_examples=20, deadline=None)
@given(bars=SPY, other=SPY, cut=st.integers(1, 40))
def test_indicators_when_the_future_differs_then_the_past_does_not(
    strategy: Strategy, bars: Bars, other: Bars, cut: int
) -> None:
    known = bars.window(0, min(cut, len(bars)))
    expected = {name: values.tolist() for name, values in strategy.indicators(known).items()}
    later = other.window(int(other.ends_at.searchsorted(known.ends_at[-1], side="right")), len(other))
    another = strategy.indicators(joined(known, later))
    assert {name: values[: len(known)].tolist() for name, values in another.items()} == expected


@settings(max_examples=12, deadline=None)
@given(history=HISTORIES, held=HELD)
def test_whole_pass_when_one_bar_at_a_time_or_after_a_restart_then_each_decision_is_equal(
    strategy: Strategy, history: History, held: Standing
) -> None:
    bars, warm_up = history.spy, strategy.inputs().warm_up
    whole = WholePass(strategy, bars, Market(others=history.bars))
    for index in range(len(bars)):
        seen = bars.window(0, index + 1)
        alone = evaluate(strategy, seen, held, history.until(index))
        restarted = evaluate(strategy_of(strategy.kind), seen.last(warm_up), held, history.newest(index, warm_up))
        assert whole.decide(index, held) == alone == restarted
        assert alone.reason
        if whole.asleep(index):
            assert whole.decide(index).action == "stay"


@settings(max_examples=12, deadline=None)
@given(history=HISTORIES)
def test_evaluate_when_run_over_two_days_then_it_never_turns_a_position_around_in_one_order(
    strategy: Strategy, history: History
) -> None:
    whole = WholePass(strategy, history.spy, Market(others=history.bars))
    held: dict[str, Position] = {}
    for index in range(len(history.spy)):
        decision = whole.decide(index, Standing(held=dict(held)))
        assert len({order.symbol for order in decision.orders}) == len(decision.orders)
        assert strategy.together or len(decision.orders) <= 1
        for order in decision.orders:
            before = held.get(order.symbol, FLAT).quantity
            after = before + (order.quantity if order.side == "buy" else -order.quantity)
            assert before * after >= 0
            assert not order.reduce_only or abs(after) < abs(before)
            held.pop(order.symbol, None)
            if after:
                held[order.symbol] = Position(after, D(100))


def joined(first: Bars, second: Bars) -> Bars:
    """The bars of one, and then of the other."""
    names = ("starts_at", "ends_at", "open", "high", "low", "close", "volume", "opens_at", "closes_at")
    columns = {name: [*getattr(first, name).tolist(), *getattr(second, name).tolist()] for name in names}
    return Bars(first.symbol, first.timeframe, **{name: np.array(column) for name, column in columns.items()})
