"""Scenarios on hand-made bars of an hour: the return over two bars, one rotation a day from the day's second bar on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.strategy.catalogue import build
from functions.strategy.decision import Decision
from functions.strategy.evaluate import Market, evaluate
from functions.strategy.holding import Position, Standing
from tests.unit.strategy.hand_made import FULL_DAY, HALF_DAY, session_bars

D = Decimal
LIST = ("SPY", "QQQ", "IWM")
CONFIG = {"timeframe": "1Hour", "lookback": 2, "rotate_after_minutes": 120, "rotation_bars": 3, "size": "1000"}
FLAT_DAY = [100] * 7
# Two bars of the half day: its second begins the rotation, and the return is from the last bar of the full day.
UP_3, UP_2, UP_1, DOWN = [100, 103], [100, 102], [100, 101], [100, 99]


def decide(days: Mapping[str, Sequence[object]], held: Mapping[str, int] | None = None, **config: Any) -> Decision:
    """The decision on SPY's newest bar; each symbol has a flat day, and then these closes of the half day."""
    bars = {
        symbol: session_bars((FULL_DAY, FLAT_DAY), (HALF_DAY, closes), timeframe="1Hour", symbol=symbol)
        for symbol, closes in days.items()
    }
    strategy = build("momentum_rotation", {**CONFIG, **config}, LIST)
    holdings = {symbol: Position(D(quantity), D(100)) for symbol, quantity in (held or {}).items()}
    return evaluate(strategy, bars["SPY"], Standing(held=holdings), Market(others=bars))


def orders(decision: Decision) -> list[tuple[str, str, Decimal]]:
    return [(order.side, order.symbol, order.quantity) for order in decision.orders]


def test_rotation_when_nothing_is_held_then_buys_the_best_for_its_dollars() -> None:
    decision = decide({"SPY": UP_1, "QQQ": UP_3, "IWM": UP_2})
    assert orders(decision) == [("buy", "QQQ", D(9))]
    assert decision.reason == "QQQ is among the best 1: ranked QQQ 3 %, IWM 2 %, SPY 1 %"


def test_rotation_when_several_are_to_be_held_then_buys_each_in_one_decision() -> None:
    decision = decide({"SPY": UP_1, "QQQ": UP_3, "IWM": UP_2}, hold=2, size_in="shares", size=7)
    assert orders(decision) == [("buy", "QQQ", D(7)), ("buy", "IWM", D(7))]


def test_rotation_when_another_is_better_then_sells_first_and_buys_when_it_is_sold() -> None:
    days = {"SPY": UP_1, "QQQ": UP_3, "IWM": UP_2}
    assert orders(decide(days, {"SPY": 5})) == [("sell", "SPY", D(5))]
    later = {symbol: [*closes, 100] for symbol, closes in days.items()}
    assert orders(decide(later)) == [("buy", "QQQ", D(10))]


def test_rotation_when_the_best_is_held_then_nothing_changes() -> None:
    decision = decide({"SPY": UP_1, "QQQ": UP_3, "IWM": UP_2}, {"QQQ": 4})
    assert (decision.action, decision.reason) == ("stay", "holding QQQ: ranked QQQ 3 %, IWM 2 %, SPY 1 %")


def test_rotation_when_nothing_rose_then_sells_all_and_buys_nothing() -> None:
    days = {"SPY": DOWN, "QQQ": [100, 100], "IWM": DOWN}
    assert orders(decide(days, {"SPY": 5, "QQQ": 3}, hold=2)) == [("sell", "SPY", D(5)), ("sell", "QQQ", D(3))]
    assert decide(days).reason == "holding nothing: ranked QQQ 0 %, SPY -1 %, IWM -1 %"


def test_rotation_when_returns_are_equal_then_the_order_of_the_list_decides() -> None:
    assert orders(decide({"SPY": UP_1, "QQQ": UP_2, "IWM": UP_2})) == [("buy", "QQQ", D(9))]


def test_rotation_when_it_goes_on_then_the_ranking_is_that_of_its_first_bar() -> None:
    days = {"SPY": [*UP_1, 200], "QQQ": [*UP_3, 50], "IWM": [*UP_2, 100]}
    assert orders(decide(days)) == [("buy", "QQQ", D(20))]


def test_rotation_when_its_bars_are_over_then_waits_for_the_next() -> None:
    days = {"SPY": UP_1, "QQQ": UP_3, "IWM": UP_2}
    assert decide({symbol: [*closes, 100] for symbol, closes in days.items()}, rotation_bars=1).action == "stay"
    decision = decide({symbol: [*closes, 100] for symbol, closes in days.items()}, {"SPY": 5}, rotation_bars=1)
    assert decision.reason == "the rotation of 1 bars is over; holding what is held"


def test_rotation_when_it_has_not_begun_then_says_when() -> None:
    decision = decide({"SPY": [101], "QQQ": [103], "IWM": [102]})
    assert decision.reason == "the first rotation is 120 minutes after the open; holding what is held"


def test_rotation_when_it_comes_again_in_the_day_then_ranks_anew() -> None:
    days = {"SPY": [*UP_1, 110], "QQQ": [*UP_3, 100], "IWM": [*UP_2, 100]}
    again: dict[str, Any] = {"rotate_every_minutes": 60, "rotation_bars": 1}
    assert orders(decide(days, {"QQQ": 9}, **again)) == [("sell", "QQQ", D(9))]
    assert orders(decide(days, **again)) == [("buy", "SPY", D(9))]


def test_symbol_when_it_has_no_bar_then_it_is_named_and_the_others_rotate() -> None:
    decision = decide({"SPY": UP_1, "QQQ": [100, None], "IWM": UP_2})
    assert orders(decision) == [("buy", "IWM", D(9))]
    assert decision.reason == "IWM is among the best 1: ranked IWM 2 %, SPY 1 %; QQQ has no bar, or not yet 3"


def test_symbol_when_it_missed_the_first_bar_of_the_rotation_then_it_is_left_out_until_the_next() -> None:
    decision = decide({"SPY": [*UP_1, 101], "QQQ": [100, None, 150], "IWM": [*UP_2, 102]})
    assert orders(decision) == [("buy", "IWM", D(9))]
    assert "QQQ has missed a bar of this rotation" in decision.reason


def test_symbol_when_held_and_left_out_then_it_is_not_sold_and_keeps_its_place() -> None:
    decision = decide({"SPY": UP_1, "QQQ": [100, None], "IWM": UP_2}, {"QQQ": 4})
    assert (decision.action, decision.orders) == ("stay", ())


def test_symbol_when_it_has_too_little_history_then_it_is_named() -> None:
    spy = session_bars((FULL_DAY, FLAT_DAY), (HALF_DAY, UP_1), timeframe="1Hour")
    young = session_bars((HALF_DAY, UP_3), timeframe="1Hour", symbol="QQQ")
    strategy = build("momentum_rotation", CONFIG, ["SPY", "QQQ"])
    decision = evaluate(strategy, spy, market=Market(others={"QQQ": young}))
    assert orders(decision) == [("buy", "SPY", D(9))]
    assert decision.reason.endswith("QQQ has no bar, or not yet 3")


def test_size_when_it_buys_no_share_then_says_so() -> None:
    decision = decide({"SPY": UP_1, "QQQ": UP_3, "IWM": UP_2}, size="102")
    assert decision.action == "stay"
    assert decision.reason.startswith("102 dollars buy no share of QQQ at 103")


def test_config_when_more_are_held_than_there_are_symbols_then_it_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        build("momentum_rotation", {"hold": 3}, ["SPY", "QQQ"])
    assert refused.value.numbers["field"] == "hold"
    assert refused.value.text == "hold: expected at most as many as it has symbols, 2, was 3"
