"""Decisions not to trade go when they were kept long enough, by one function alone; those that acted never do."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, decision, order_of
from tests.integration.ledger.ledger import Ledger, refused
from tests.security.expectations import ROLES

MINUTE = timedelta(minutes=1)


@pytest.fixture
def decided(fresh_desk: Desk) -> Desk:
    return _decided(fresh_desk)


@pytest.fixture(scope="module")
def attacked(ledger: Ledger) -> Desk:
    """For what must change nothing."""
    return _decided(Desk.open(ledger))


def _decided(desk: Desk) -> Desk:
    """Three decisions not to trade and one that traded, all of them a hundred days old."""
    for minutes in range(3):
        desk.decide(decision(desk.strategy, at=NOON + minutes * MINUTE))
    desk.decide(decision(desk.strategy, order_of(quantity="1"), at=NOON + 3 * MINUTE))
    _age(desk, 100)
    return desk


def _age(desk: Desk, days: int) -> None:
    desk.ledger.tamper(
        "update public.strategy_decisions set created_at = clock_timestamp() - make_interval(days => %s) "
        "where user_id = %s",
        days,
        desk.user,
    )


def _prune(desk: Desk, limit: int = 5000) -> int:
    removed: int = desk.ledger.call("prune_stay_decisions", "fn_strategy", p_limit=limit)
    return removed


def _left(desk: Desk) -> list[str]:
    query = "select action from public.strategy_decisions where user_id = %s order by bar_at"
    return [action for (action,) in desk.ledger.rows(query, desk.user)]


def test_prune_when_stays_were_kept_long_enough_then_they_go_some_at_a_time_and_what_acted_stays(decided: Desk) -> None:
    assert [_prune(decided, limit=2), _prune(decided, limit=2), _prune(decided)] == [2, 1, 0]
    assert _left(decided) == ["trade"]


def test_prune_when_they_are_younger_than_the_setting_then_they_stay(decided: Desk) -> None:
    _age(decided, 89)
    assert _prune(decided) == 0
    decided.ledger.run("update private.settings set value = '30 days' where name = 'stay_decisions_kept'")
    assert _prune(decided) == 3


def test_prune_when_nobody_says_how_long_then_nothing_goes(decided: Desk) -> None:
    decided.ledger.run("delete from private.settings where name = 'stay_decisions_kept'")
    assert _prune(decided) == 0


def test_prune_when_a_bar_is_told_again_afterwards_then_it_is_not_decided_on_again(decided: Desk) -> None:
    _prune(decided)
    decided.decide(decision(decided.strategy, order_of(quantity="9"), at=NOON))
    assert (_left(decided), decided.count("trades")) == (["trade"], 1)


@pytest.mark.parametrize(
    "attack",
    [
        "delete from public.strategy_decisions",
        "delete from public.strategy_decisions where action = 'stay'",
        "update public.strategy_decisions set action = 'stay'",
        "update public.strategy_decisions set created_at = '-infinity'",
        "do $$ begin delete from public.strategy_decisions where action = 'stay'; end $$",
        # A function that only looks like the one that may.
        """create function pg_temp.prune_stay_decisions(integer) returns void language plpgsql as
           'begin delete from public.strategy_decisions; end'; select pg_temp.prune_stay_decisions(1)""",
        "truncate public.strategy_decisions",
    ],
)
def test_decision_when_it_acted_or_is_young_then_nobody_removes_it(attacked: Desk, attack: str) -> None:
    with refused("APPEND_ONLY", 409):
        attacked.ledger.run(attack)
    assert _left(attacked) == ["stay", "stay", "stay", "trade"]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "fn_strategy"])
def test_prune_when_another_role_asks_then_not_allowed(attacked: Desk, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacked.ledger.run_as(role, attacked.user, "select public.prune_stay_decisions()")
