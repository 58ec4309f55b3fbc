"""Scenarios on hand-made bars of five minutes: the opening range is that of the first three, 99 to 101."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.market_calendar import Session
from functions.strategy.bars import Bars
from functions.strategy.catalogue import build
from functions.strategy.decision import Decision
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import FLAT, Position
from functions.strategy.intents import Open
from tests.unit.strategy.hand_made import FULL_DAY, HALF_DAY, minute_bars, session_bars, standing

D = Decimal
RANGE: list[object] = [100, 101, 99]
LONG = Position(D(100), D(102))
SHORT = Position(D(-100), D(98))


def decide(bars: Bars, position: Position = FLAT, **config: Any) -> Decision:
    strategy = build("opening_range_breakout", {"timeframe": "5Min", "range_minutes": 15, **config}, ["SPY"])
    return evaluate(strategy, bars, standing(position))


def day(*closes: object, session: Session = FULL_DAY) -> Bars:
    """A session that begins with the range."""
    return session_bars((session, [*RANGE, *closes]))


def at_minute(minute: int, close: object, session: Session = FULL_DAY) -> Bars:
    """The range, and then nothing until the bar that ends this many minutes after the open."""
    gap: list[object] = [None] * (minute // 5 - 4)
    return day(*gap, close, session=session)


def test_range_when_not_complete_then_says_how_many_minutes_have_passed() -> None:
    decision = decide(session_bars((FULL_DAY, RANGE[:2])))
    assert (decision.action, decision.reason) == ("stay", "10 of the 15 minutes of the opening range have passed")


def test_range_when_complete_then_its_own_last_bar_breaks_nothing() -> None:
    assert decide(day()).reason == "no first close beyond the opening range 99 to 101: close 99"


def test_close_above_when_the_first_then_buys_with_stop_target_and_time_exit() -> None:
    decision = decide(day(102))
    (order,), (intent,) = decision.orders, decision.intents
    assert (order.side, order.position_intent, order.quantity) == ("buy", "buy_to_open", D(100))
    assert order.stop_loss_price == D(99)
    assert isinstance(intent, Open)
    assert intent.target == D(108)
    assert intent.time_exit == FULL_DAY.closes_at - timedelta(minutes=15)
    assert decision.reason == "close 102 is the first above the opening range 99 to 101"


def test_close_above_when_not_the_first_then_stays() -> None:
    assert decide(day(102, 103)).action == "stay"
    assert decide(day(102, 100, 103)).action == "stay"


def test_close_above_when_equal_to_the_high_then_it_is_not_beyond() -> None:
    assert decide(day(101)).action == "stay"
    assert decide(day(101, 102)).action == "open"


def test_close_above_when_on_the_next_day_then_counts_anew() -> None:
    full = [*RANGE, 102, *[100] * 74]
    assert decide(session_bars((FULL_DAY, full), (HALF_DAY, [*RANGE, 102]))).action == "open"


def test_close_below_when_shorts_are_not_allowed_then_says_so() -> None:
    decision = decide(day(98))
    assert decision.action == "stay"
    assert decision.reason.endswith("going short is not allowed")


def test_close_below_when_shorts_are_allowed_then_sells_with_the_stop_above() -> None:
    (order,) = decide(day(98), allow_short=True).orders
    assert (order.side, order.position_intent, order.stop_loss_price) == ("sell", "sell_to_open", D(101))


def test_close_below_when_long_then_leaves_and_sells_short_on_the_next_bar() -> None:
    first = decide(day(102, 98), LONG, allow_short=True)
    second = decide(day(102, 98, 98), allow_short=True)
    third = decide(day(102, 98, 98, 98), allow_short=True)
    assert [first.action, second.action, third.action] == ["close", "open", "stay"]
    assert second.orders[0].position_intent == "sell_to_open"


def test_close_below_when_the_next_bar_is_back_in_the_range_then_no_short() -> None:
    assert decide(day(102, 98, 100), allow_short=True).action == "stay"


def test_close_below_when_the_other_side_never_broke_then_the_next_bar_is_too_late() -> None:
    assert decide(day(98, 98), allow_short=True).action == "stay"


@pytest.mark.parametrize(
    ("position", "close", "action", "says"),
    [
        (LONG, "99.01", "stay", "holding 100"),
        (LONG, "99", "close", "stop 99"),
        (LONG, "107.99", "stay", "target 108"),
        (LONG, "108", "close", "target 108"),
        (SHORT, "100.99", "stay", "holding -100"),
        (SHORT, "101", "close", "stop 101"),
        (SHORT, "92.01", "stay", "target 92"),
        (SHORT, "92", "close", "target 92"),
    ],
)
def test_position_when_the_close_reaches_stop_or_target_then_it_is_left(
    position: Position, close: str, action: str, says: str
) -> None:
    decision = decide(day(102, close), position, allow_short=True)
    assert decision.action == action
    assert says in decision.reason


@pytest.mark.parametrize(
    ("close", "action"), [("101.50", "stay"), ("101.49", "close"), ("103.02", "stay"), ("103.03", "close")]
)
def test_stop_when_in_percent_then_it_and_the_target_are_measured_from_the_entry(close: str, action: str) -> None:
    config = {"stop": "percent", "stop_percent": "0.5", "target_multiple": "2"}
    assert decide(day(102, close), Position(D(100), D("102.0001")), **config).action == action


def test_position_when_filled_beyond_its_stop_then_it_is_left() -> None:
    assert decide(day(102, 100), Position(D(100), D("98.5"))).reason.startswith("filled at or beyond its stop 99")


def test_position_when_the_close_is_near_then_it_is_left_also_on_a_half_day() -> None:
    assert decide(at_minute(370, 103), LONG).action == "stay"
    assert decide(at_minute(375, 103), LONG).reason.startswith("15 minutes before the close")
    assert decide(at_minute(190, 103, HALF_DAY), LONG).action == "stay"
    assert decide(at_minute(195, 103, HALF_DAY), LONG).reason.startswith("15 minutes before the close")


def test_close_above_when_the_session_ends_soon_then_no_entry() -> None:
    assert decide(at_minute(370, 103)).action == "open"
    assert decide(at_minute(375, 103)).reason == "no entry in the last 15 minutes of the session"


def test_position_when_held_from_the_day_before_then_it_is_left_at_the_first_bar() -> None:
    decision = decide(session_bars((FULL_DAY, [100] * 78), (HALF_DAY, [100])), LONG)
    assert (decision.action, decision.reason) == ("close", "held from before this session's opening range: left")


def test_range_when_too_few_of_its_minutes_have_bars_then_no_trade() -> None:
    decision = decide(session_bars((FULL_DAY, [100, None, 99, 102])))
    assert decision.reason == "the opening range has bars for 10 of its 15 minutes; 80 % are needed"
    assert decide(session_bars((FULL_DAY, [100, None, 99, 102])), coverage_percent=60).action == "open"


def test_range_when_the_first_bar_comes_after_it_then_no_trade() -> None:
    decision = decide(session_bars((FULL_DAY, [None, None, None, 102])))
    assert decision.reason.startswith("the opening range has bars for 0 of its 15 minutes")


def test_bar_when_in_no_session_then_no_trade() -> None:
    strategy = build("opening_range_breakout", {}, ["SPY"])
    assert evaluate(strategy, minute_bars([100])).reason.startswith("the bar lies in no regular session")


def test_first_day_when_there_is_no_history_then_it_trades() -> None:
    strategy = build("opening_range_breakout", {"timeframe": "5Min", "range_minutes": 15}, ["SPY"])
    closes: Sequence[object] = [*RANGE, 102]
    assert strategy.inputs().warm_up == 78
    assert evaluate(strategy, session_bars((FULL_DAY, closes))).action == "open"
