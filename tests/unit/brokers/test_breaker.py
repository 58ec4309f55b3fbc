"""The breaker: a broker that is down is left alone, one asks whether it is back, and a cancel is never held up."""

from __future__ import annotations

import pytest

from functions.brokers.breaker import Breaker, BreakerRule
from functions.brokers.errors import NotConnected
from functions.brokers.guard import Guard
from functions.brokers.rate_budget import Rate, RateBudget
from tests.unit.brokers.test_rate_budget import CountedStore, Hand

RULE = BreakerRule(failures=3, seconds=5, most_seconds=20, look_again=1)


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.admit()
    except NotConnected as error:
        return error.code == "BROKER_DOWN"
    return False


def fail(breaker: Breaker, times: int = RULE.failures) -> None:
    for _ in range(times):
        breaker.failed()


def test_admit_when_failures_are_not_in_a_row_then_it_stays_closed() -> None:
    breaker = Breaker(CountedStore(), "alpaca", RULE, Hand())
    for _ in range(5):
        fail(breaker, RULE.failures - 1)
        breaker.succeeded()
    assert not is_open(breaker)


def test_admit_when_the_broker_fails_in_a_row_then_every_process_leaves_it_alone() -> None:
    hot, hand = CountedStore(), Hand()
    here, there = Breaker(hot, "alpaca", RULE, hand), Breaker(hot, "alpaca", RULE, hand)
    assert not is_open(there)
    fail(here)
    assert is_open(here)
    hand.at += RULE.look_again
    assert is_open(there)
    assert not is_open(Breaker(hot, "tastytrade", RULE, hand))


def test_admit_when_the_pause_is_over_then_one_probe_goes_and_its_answer_opens_the_way_for_all() -> None:
    hot, hand = CountedStore(), Hand()
    here, there = Breaker(hot, "alpaca", RULE, hand), Breaker(hot, "alpaca", RULE, hand)
    fail(here)
    hand.at += RULE.seconds
    assert not is_open(here)
    assert is_open(here)
    assert is_open(there)
    here.succeeded()
    assert not is_open(here)
    hand.at += RULE.look_again
    assert not is_open(there)


def test_admit_when_the_probe_fails_then_the_pause_doubles_up_to_its_limit() -> None:
    hot, hand = CountedStore(), Hand()
    breaker = Breaker(hot, "alpaca", RULE, hand)
    fail(breaker)
    for pause in (5, 10, 20, 20):
        hand.at += pause - 0.5
        assert is_open(breaker)
        hand.at += 0.5
        assert not is_open(breaker)
        breaker.failed()
    assert is_open(breaker)


def test_admit_when_a_probe_is_withdrawn_then_another_may_be_made() -> None:
    hand = Hand()
    breaker = Breaker(CountedStore(), "alpaca", RULE, hand)
    fail(breaker)
    hand.at += RULE.seconds
    assert not is_open(breaker)
    breaker.withdrawn()
    assert not is_open(breaker)


def test_admit_when_closed_then_the_hot_store_is_asked_now_and_then_only() -> None:
    hot, hand = CountedStore(), Hand()
    breaker = Breaker(hot, "alpaca", RULE, hand)
    for _ in range(100):
        assert not is_open(breaker)
        breaker.succeeded()
    assert hot.calls == 1


def test_admit_when_the_hot_store_is_down_then_what_this_process_saw_decides() -> None:
    hot, hand = CountedStore(), Hand()
    hot.down = True
    breaker = Breaker(hot, "alpaca", RULE, hand)
    assert not is_open(breaker)
    fail(breaker)
    hand.at += RULE.look_again
    assert is_open(breaker)


def test_guard_when_the_broker_is_down_and_the_budget_is_used_up_then_a_cancel_is_let_through() -> None:
    hot, hand = CountedStore(), Hand()
    slept: list[float] = []
    guard = Guard(RateBudget(hot, "key", Rate.of(150), hand), Breaker(hot, "alpaca", RULE, hand), slept.append)
    guard.slowed(60)
    with pytest.raises(NotConnected) as caught:
        guard.admit()
    assert caught.value.code == "RATE_BUDGET"
    for _ in range(RULE.failures):
        guard.failed()
    with pytest.raises(NotConnected) as caught:
        guard.admit()
    assert caught.value.code == "BROKER_DOWN"
    guard.admit(urgent=True)
    assert slept == []


def test_guard_when_the_next_call_is_near_then_it_waits_for_it() -> None:
    hot, hand = CountedStore(), Hand()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        hand.at += seconds + 1e-6

    rate = Rate(per_minute=150, burst=40, reserved=10, block=5)
    guard = Guard(RateBudget(hot, "key", rate, hand), Breaker(hot, "alpaca", RULE, hand), sleep)
    for _ in range(31):
        guard.admit()
    assert 0 < sum(slept) < 2
