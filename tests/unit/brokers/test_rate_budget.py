"""The rate budget: never more than the rate in any minute, cancels always, one bucket for all processes."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.brokers.rate_budget import Rate, RateBudget
from functions.core.errors import Unavailable
from tests.unit.core.doubles import JournalledHotStore

RATE = Rate(per_minute=150, burst=40, reserved=10, block=5)


class Hand:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class CountedStore(JournalledHotStore):
    """Counts its calls; out of order where it was told so."""

    def __init__(self) -> None:
        super().__init__([])
        self.calls = 0
        self.down = False

    def get(self, key: str):  # type: ignore[no-untyped-def]
        self.calls += 1
        if self.down:
            raise Unavailable("DOWN", "down")
        return super().get(key)


def test_take_when_the_bucket_is_full_then_most_calls_cost_no_round_trip() -> None:
    hot, hand = CountedStore(), Hand()
    budget = RateBudget(hot, "key", RATE, hand)
    assert [budget.take() for _ in range(30)] == [0.0] * 30
    assert hot.calls == 30 / RATE.block


def test_take_when_the_ordinary_part_is_used_up_then_the_rest_is_for_cancels() -> None:
    hot, hand = CountedStore(), Hand()
    budget = RateBudget(hot, "key", RATE, hand)
    taken = [budget.take() for _ in range(31)]
    assert taken[:30] == [0.0] * 30
    assert 0 < taken[30] <= 1 / RATE.per_second
    assert [budget.take(urgent=True) for _ in range(40)] == [0.0] * 40


def test_take_when_another_process_has_used_the_bucket_then_this_one_waits_too() -> None:
    hot, hand = CountedStore(), Hand()
    one, other = RateBudget(hot, "key", RATE, hand), RateBudget(hot, "key", RATE, hand)
    assert sum(budget.take() == 0.0 for _ in range(30) for budget in (one, other)) == 30
    stranger = RateBudget(hot, "another", RATE, hand)
    assert stranger.take() == 0.0


def test_take_when_time_has_passed_then_there_is_more() -> None:
    hot, hand = CountedStore(), Hand()
    budget = RateBudget(hot, "key", RATE, hand)
    for _ in range(31):
        wait = budget.take()
    hand.at += wait + 1e-6
    assert budget.take() == 0.0


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 2)), min_size=50, max_size=300))
def test_take_when_processes_ask_at_any_pace_then_no_minute_has_more_than_the_rate(
    steps: list[tuple[int, float]],
) -> None:
    hot, hand = CountedStore(), Hand()
    budgets = [RateBudget(hot, "key", RATE, hand) for _ in range(3)]
    taken: deque[float] = deque()
    for which, pause in steps:
        hand.at += pause / 10
        while budgets[which].take() == 0.0:
            taken.append(hand.at)
            while taken[0] < hand.at - 60:
                taken.popleft()
            # A block may be spent a few seconds after it was drawn.
            assert len(taken) <= RATE.per_minute + len(budgets) * RATE.block


def test_exhausted_when_the_broker_says_so_then_every_process_waits_and_cancels_go_on() -> None:
    hot, hand = CountedStore(), Hand()
    one, other = RateBudget(hot, "key", RATE, hand), RateBudget(hot, "key", RATE, hand)
    one.exhausted(7)
    assert (one.take(), other.take()) == (7.0, 7.0)
    assert other.take(urgent=True) == 0.0
    hand.at += 7 + RATE.reserved / RATE.per_second + 1
    assert other.take() == 0.0


def test_take_when_the_hot_store_is_down_then_a_share_of_the_rate_is_left_and_cancels_go_on() -> None:
    hot, hand = CountedStore(), Hand()
    budget = RateBudget(hot, "key", RATE, hand)
    hot.down = True
    assert sum(budget.take() == 0.0 for _ in range(50)) == RATE.block
    assert budget.take(urgent=True) == 0.0
    hand.at += 60
    assert budget.take() == 0.0


def test_take_when_the_kept_bucket_cannot_be_read_then_it_is_a_full_one() -> None:
    hot, hand = CountedStore(), Hand()
    hot.put("rate:key", ["nonsense"])
    assert RateBudget(hot, "key", RATE, hand).take() == 0.0


def test_rate_when_made_of_a_number_then_its_parts_fit() -> None:
    for calls in (1, 2, 10, 60, 150, 1000):
        rate = Rate.of(calls)
        assert 0 < rate.reserved < rate.burst
        assert 1 <= rate.block <= rate.burst - rate.reserved
        assert rate.per_second > 0
