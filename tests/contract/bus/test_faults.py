"""Faults on purpose are the same faults for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from local.bus.faults import Fate, FaultPlan, Faults

PLAN = FaultPlan(seed=1, drop=0.3, double=0.3, delay=0.1, delay_ms=200, spare_topics=["quotes"])


def fates(plan: FaultPlan, count: int = 2000) -> list[Fate]:
    faults = Faults(plan)
    return [faults.draw("topic", "function", f"event-{number}") for number in range(count)]


def test_draw_when_the_seed_is_the_same_then_every_fate_is() -> None:
    assert fates(PLAN) == fates(PLAN)


def test_draw_when_the_seed_differs_then_other_messages_are_lost() -> None:
    assert fates(PLAN) != fates(PLAN.model_copy(update={"seed": 2}))


def test_draw_when_drawn_often_then_the_shares_are_as_planned() -> None:
    seen = Counter(fate.action for fate in fates(PLAN))
    assert 520 < seen["drop"] < 680
    assert 520 < seen["double"] + seen["double_at_once"] < 680
    assert min(seen["double"], seen["double_at_once"]) > 200
    assert 140 < sum(fate.pause == 0.2 for fate in fates(PLAN)) < 260


def test_draw_when_the_topic_is_spared_then_nothing_happens_to_it() -> None:
    faults = Faults(PLAN)
    assert {faults.draw("quotes", "function", str(number)) for number in range(200)} == {Fate()}


def test_draw_when_an_event_is_sent_again_then_it_gets_through_in_the_end() -> None:
    faults = Faults(PLAN)
    for number in range(50):
        drawn = [faults.draw("topic", "function", f"event-{number}").action for _ in range(40)]
        assert set(drawn) != {"drop"}


@settings(deadline=None)
@given(st.integers(), st.text(), st.text())
def test_draw_when_there_is_no_plan_then_every_message_is_delivered_once(seed: int, function: str, event: str) -> None:
    assert Faults(FaultPlan(seed=seed)).draw("topic", function, event) == Fate()


@pytest.mark.parametrize(
    "plan", [{"drop": 1.1}, {"drop": -0.1}, {"drop": 0.6, "double": 0.6}, {"delay_ms": -1}, {"dropp": 0.1}]
)
def test_fault_plan_when_it_makes_no_sense_then_it_is_refused(plan: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        FaultPlan.model_validate(plan)
