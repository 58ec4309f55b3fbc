"""Every refusal says what to do, and of several rules with one code none is blamed."""

from __future__ import annotations

import pytest

from functions.risk.advice import advice
from functions.risk.assess import RULES

CODES = sorted({code for rule in RULES for code in rule.denials})


@pytest.mark.parametrize("code", CODES)
def test_advice_when_a_rule_may_deny_so_then_there_is_a_sentence_of_its_own(code: str) -> None:
    said = advice(code)
    assert said.endswith(".")
    assert "The text says what was found" not in said


def test_advice_when_several_rules_miss_the_same_then_none_is_named() -> None:
    assert "a rule needs" in advice("MISSING_EXPOSURE")
    assert "the rule gate needs" in advice("MISSING_GATES")


@pytest.mark.parametrize("code", [code for code in CODES if not code.startswith(("MISSING_", "STALE_"))])
def test_advice_when_a_rule_refuses_what_was_found_then_it_says_what_to_do_and_does_not_repeat_the_rule(
    code: str,
) -> None:
    assert not advice(code).startswith("The rule ")


def test_advice_when_a_rule_is_always_on_then_nobody_is_told_to_turn_it_off() -> None:
    assert "remove" not in advice("MISSING_GATES")
    assert "remove" not in advice("MISSING_EXPOSURE")
    assert "`agenttrader limits list`" in advice("MISSING_VOLUME")


def test_advice_when_the_code_is_the_brokers_then_where_to_read() -> None:
    assert "docs/brokers.md" in advice("INSUFFICIENT_MOOD")
