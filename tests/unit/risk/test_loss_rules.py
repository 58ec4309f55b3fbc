"""The rules on results: at their boundaries, with a mark missing or old, and each scope by its own result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.ledger.book_results import BookResults
from functions.risk.assess import assess
from functions.risk.book import Book, OpenQuantity, ProposedOrder
from functions.risk.facts.results import ResultFacts, ScopeResult
from functions.risk.limits import Limit, Limits, Scope
from functions.risk.reading_results import results_of
from functions.risk.rule import Rule
from functions.risk.rules.drawdown_from_peak import drawdown_from_peak
from functions.risk.rules.drawdown_from_start import drawdown_from_start
from functions.risk.rules.max_daily_loss import max_daily_loss

D = Decimal
RULES = (max_daily_loss, drawdown_from_peak, drawdown_from_start)
Orders = Callable[..., ProposedOrder]
Books = Callable[..., Book]


def lost(result: str | None = "-500", peak: str = "100", session_open: str = "50", **more: Any) -> ScopeResult:
    return ScopeResult.of(None if result is None else D(result), D(peak), D(session_open), **more)


def facts(scope: Scope = "account", result: ScopeResult | None = None) -> ResultFacts:
    return ResultFacts(scopes={scope: result or lost()})


def limited(
    rule: Rule, value: str, scope: Scope = "account", parameters: Mapping[str, str] = MappingProxyType({})
) -> Limits:
    numbers = {name: D(number) for name, number in parameters.items()}
    return Limits((Limit(rule.name, scope, D(value), parameters=numbers),))


@pytest.mark.parametrize("scope", ["user", "account", "strategy"])
@pytest.mark.parametrize(
    ("rule", "loss"), [(max_daily_loss, "550"), (drawdown_from_peak, "600"), (drawdown_from_start, "500")]
)
def test_loss_rule_when_around_its_limit_then_the_limit_itself_is_within(
    order: Orders, book: Books, rule: Rule, loss: str, scope: Scope
) -> None:
    seen = book(results=facts(scope))
    assert rule(order(), seen, limited(rule, loss, scope)).text == f"allow: lost={loss} limit={loss} scope={scope}"
    tighter = str(D(loss) - D("0.01"))
    assert rule(order(), seen, limited(rule, tighter, scope)).text == (
        f"{rule.code}: lost={loss} limit={tighter} scope={scope}"
    )


@pytest.mark.parametrize("rule", RULES)
def test_loss_rule_when_something_open_has_no_mark_then_it_denies_and_names_it(
    order: Orders, book: Books, rule: Rule
) -> None:
    seen = book(results=facts(result=lost(None, missing="IWM, SPY")))
    verdict = rule(order(), seen, limited(rule, "1000000"))
    assert verdict.text == "MISSING_RESULT: scope=account no_mark=IWM, SPY"


@pytest.mark.parametrize("rule", RULES)
def test_loss_rule_when_results_were_not_read_then_it_denies(order: Orders, book: Books, rule: Rule) -> None:
    assert rule(order(), book(results=None), limited(rule, "1000000")).code == "MISSING_RESULT"
    assert results_of(BookResults()) is None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("age", "parameters", "code"),
    [
        ("300", {}, None),
        ("300.001", {}, "STALE_RESULT"),
        ("60", {"max_age_seconds": "60"}, None),
        ("61", {"max_age_seconds": "60"}, "STALE_RESULT"),
    ],
)
def test_loss_rule_when_the_oldest_mark_is_around_the_age_then_the_age_itself_is_fresh(
    order: Orders, book: Books, rule: Rule, age: str, parameters: dict[str, str], code: str | None
) -> None:
    seen = book(results=facts(result=lost(mark_age=D(age))))
    assert rule(order(), seen, limited(rule, "1000000", parameters=parameters)).code == code


@pytest.mark.parametrize("rule", RULES)
def test_loss_rule_when_the_scope_never_traded_then_nothing_is_lost(order: Orders, book: Books, rule: Rule) -> None:
    assert rule(order(), book(results=facts("user")), limited(rule, "0")).outcome == "allow"


@pytest.mark.parametrize("rule", RULES)
def test_loss_rule_when_several_scopes_have_one_then_each_is_held_against_its_own(
    order: Orders, book: Books, rule: Rule
) -> None:
    seen = book(results=ResultFacts(scopes={"user": lost(), "strategy": lost("0", "0", "0")}))
    of_strategy, of_user = Limit(rule.name, "strategy", D(1)), Limit(rule.name, "user", D(499))
    assert rule(order(), seen, Limits((of_strategy,))).outcome == "allow"
    assert rule(order(), seen, Limits((of_strategy, of_user))).numbers["scope"] == "user"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("results", [None, facts()])
def test_loss_rule_when_the_order_only_reduces_then_it_passes(
    order: Orders, book: Books, rule: Rule, results: ResultFacts | None
) -> None:
    leaving = order(side="sell", quantity=D(10), reduce_only=True)
    seen = book(spy=OpenQuantity(D(10)), results=results)
    assert assess(leaving, seen, limited(rule, "1")).verdict.outcome == "allow"
    assert assess(order(), seen, limited(rule, "1")).verdict.outcome == "deny"


@pytest.mark.parametrize("rule", RULES)
def test_loss_rule_when_no_limit_is_set_then_it_says_so(order: Orders, book: Books, rule: Rule) -> None:
    assert rule(order(), book(results=facts()), Limits()).text == "allow: limit=not set"


AMOUNTS = st.decimals(-1000, 1000, places=2)


@given(result=AMOUNTS, peak=st.decimals(0, 1000, places=2), opened=AMOUNTS)
def test_losses_when_of_any_result_then_never_below_zero_and_never_more_from_the_start_than_from_the_peak(
    result: Decimal, peak: Decimal, opened: Decimal
) -> None:
    found = ScopeResult.of(result, peak, opened)
    assert found.session_loss is not None
    assert found.from_peak is not None
    assert found.from_start is not None
    assert min(found.session_loss, found.from_peak, found.from_start) >= 0
    assert found.from_start <= found.from_peak
    assert found.session_loss == max(opened - result, D(0))
