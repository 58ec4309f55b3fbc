"""What decides was found valid: verdicts, versions that take effect, and what a strategy needs to be started."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, found_valid, new_strategy
from tests.integration.ledger.ledger import Connection, answers, become, refused
from tests.integration.ledger.sealed import register, store, verdict

SLOW = {"field": "slow", "code": "BAD_CONFIG", "text": "slow: expected a number, was 'x'"}
NEEDS = {"symbols": ["SPY"], "timeframe": "1Min", "warm_up": 3, "context": {"1Day": 2}}


@pytest.fixture
def draft(desk: Desk) -> Desk:
    """The desk with a strategy of which nothing is known yet."""
    desk.strategy = desk.ledger.one(
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        "values (%s, %s, %s, 'by_hand', '{SPY}') returning id",
        desk.user,
        desk.account,
        f"draft {uuid4()}",
    )
    return desk


def _say(desk: Desk, version: int, *problems: dict[str, str], inputs: Any = NEEDS) -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call(
        "record_validation",
        "fn_strategy",
        p_strategy_id=desk.strategy,
        p_version=version,
        p_valid=not problems,
        p_problems=list(problems),
        p_inputs=None if problems else inputs,
    )
    return answer


def _edit(desk: Desk, config: str = '{"n": 1}') -> None:
    desk.ledger.run_as(
        "authenticated", desk.user, "update public.strategies set config = %s where id = %s", config, desk.strategy
    )


def _activate(desk: Desk) -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call(
        "activate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy
    )
    return answer


def _effective(desk: Desk) -> tuple[Any, ...]:
    (row,) = desk.ledger.rows(
        "select strategy_version, effective_version, effective_since is not null from public.strategies where id = %s",
        desk.strategy,
    )
    return row


def _due(desk: Desk) -> list[int]:
    waiting = desk.ledger.call("versions_to_validate", "fn_strategy", p_strategy_id=desk.strategy)
    return [one["strategy_version"] for one in waiting]


def _events(desk: Desk, kind: str) -> list[dict[str, Any]]:
    rows = desk.ledger.rows(
        "select data from private.outbox where topic = 'strategy-events' and key = %s and type = %s order by id",
        str(desk.strategy),
        kind,
    )
    return [data for (data,) in rows]


def test_version_when_written_then_it_waits_for_a_verdict_and_says_so(draft: Desk) -> None:
    _edit(draft)
    draft.ledger.run("update public.strategies set description = 'no version' where id = %s", draft.strategy)

    assert _due(draft) == [1, 2]
    assert [event["strategy_version"] for event in _events(draft, "strategy.edited")] == [1, 2]


def test_activate_when_no_verdict_is_there_then_wait_a_moment(draft: Desk) -> None:
    with refused("NOT_VALIDATED", 409) as error:
        _activate(draft)
    assert "Wait a moment" in str(error.value.diag.message_hint)


def test_activate_when_not_valid_then_the_problems_are_told(draft: Desk) -> None:
    _say(draft, 1, SLOW)
    with refused("NOT_VALID", 422) as error:
        _activate(draft)
    assert "slow: expected a number, was 'x'" in str(error.value)


@pytest.mark.parametrize("state", ["no verdict", "not valid", "a newer version"])
def test_status_when_set_to_active_in_the_studio_then_it_is_asked_the_same(draft: Desk, state: str) -> None:
    if state == "not valid":
        _say(draft, 1, SLOW)
    elif state == "a newer version":
        _say(draft, 1)
    change = ", config = '{\"n\": 7}'" if state == "a newer version" else ""
    code, status = ("NOT_VALID", 422) if state == "not valid" else ("NOT_VALIDATED", 409)
    with refused(code, status):
        draft.ledger.run(
            f"update public.strategies set status = 'active'{change} where id = %s",  # noqa: S608
            draft.strategy,
        )


def test_activate_when_valid_then_the_answer_says_what_it_needs_and_what_is_missing(draft: Desk) -> None:
    said = _say(draft, 1)
    assert (said["strategy_version"], said["effective_version"]) == (1, 1)

    answer = _activate(draft)

    assert (answer["status"], answer["effective_version"]) == ("active", 1)
    assert answer["warm_up"] == [
        {"symbol": "SPY", "timeframe": "1Day", "needed": 2, "stored": 0},
        {"symbol": "SPY", "timeframe": "1Min", "needed": 3, "stored": 0},
    ]
    assert [warning["code"] for warning in answer["warnings"]] == ["WARM_UP_MISSING", "NO_CREDENTIAL", "NO_LIMIT"]
    assert "SPY 1Min has 0 of 3 bars" in answer["warnings"][0]["text"]
    assert _activate(draft)["version"] == answer["version"], "safe to call again"


def test_activate_when_the_warm_up_is_missing_then_its_history_is_asked_for_once_and_no_more_than_allowed(
    draft: Desk,
) -> None:
    asked = (
        "select symbol, starts_at < ends_at - interval '14 days', ends_at = date_trunc('day', created_at, 'UTC') "
        "from public.backfills where user_id = %s"
    )
    _say(draft, 1)
    _activate(draft)
    assert draft.ledger.rows(asked, draft.user) == [("SPY", True, True)]
    _stop(draft)
    _activate(draft)
    assert len(draft.ledger.rows(asked, draft.user)) == 1, "it is still under way"

    draft.ledger.run(
        "update public.backfills set status = 'canceled', finished_at = now() where user_id = %s", draft.user
    )
    draft.ledger.run("update private.settings set value = '0' where name = 'open_backfills'")
    _stop(draft)
    assert _activate(draft)["status"] == "active", "it is warned, not refused"
    draft.ledger.run("update private.settings set value = '20' where name = 'open_backfills'")
    assert len(draft.ledger.rows(asked, draft.user)) == 1


def _stop(desk: Desk) -> None:
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)


def test_activate_when_warned_of_then_each_warning_names_its_remedy(draft: Desk) -> None:
    minutes = [NOON.replace(minute=minute) for minute in range(4)]
    bars = [
        {"symbol": "SPY", "timeframe": "1Min", "starts_at": a.isoformat(), "ends_at": b.isoformat(), "feed": "test"}
        | {"open": "1", "high": "1", "low": "1", "close": "1", "volume": "1"}
        for a, b in pairwise(minutes)
    ]
    draft.ledger.call("record_market_data", "fn_ingest", p_bars=bars)
    for name in ("position_limit", "capital_limit"):
        draft.set_limit(name, "5")
    draft.close("strategy")
    _say(draft, 1, inputs={"symbols": ["SPY"], "timeframe": "1Min", "warm_up": 3})

    answer = _activate(draft)

    assert answer["warm_up"] == [{"symbol": "SPY", "timeframe": "1Min", "needed": 3, "stored": 3}]
    assert [warning["code"] for warning in answer["warnings"]] == ["GATE_CLOSED", "NO_CREDENTIAL", "NO_LIMIT"]
    assert "No max_loss_per_trade is set" in answer["warnings"][-1]["text"]


def test_activate_when_the_account_is_live_and_not_confirmed_then_it_says_what_is_refused(draft: Desk) -> None:
    draft.account = draft.ledger.one(
        "insert into public.broker_accounts (user_id, broker, account_id, is_paper) "
        "values (%s, 'alpaca', %s, false) returning id",
        draft.user,
        str(uuid4()),
    )
    draft.ledger.run("update public.strategies set broker_account_id = %s where id = %s", draft.account, draft.strategy)
    _say(draft, 1)
    assert "LIVE_NOT_CONFIRMED" in [warning["code"] for warning in _activate(draft)["warnings"]]


def test_edit_when_active_then_the_old_version_decides_until_the_new_one_is_found_valid(desk: Desk) -> None:
    _edit(desk)
    assert _effective(desk) == (2, 1, True)
    _say(desk, 2, SLOW)
    assert _effective(desk) == (2, 1, True)
    _edit(desk, '{"n": 2}')
    before = desk.ledger.one("select effective_since from public.strategies where id = %s", desk.strategy)
    _say(desk, 3)

    assert _effective(desk) == (3, 3, True)
    assert desk.ledger.one("select effective_since from public.strategies where id = %s", desk.strategy) > before
    told = _events(desk, "strategy.validated")
    seen = [(one["strategy_version"], one["valid"], one["effective_version"]) for one in told]
    assert seen == [(1, True, 1), (2, False, 1), (3, True, 3)]


def test_verdict_when_on_an_older_version_then_the_newer_one_stays_in_effect(desk: Desk) -> None:
    _edit(desk)
    _edit(desk, '{"n": 2}')
    _say(desk, 3)
    assert _due(desk) == [], "what is older than the version in effect can take effect no more"
    _say(desk, 2)
    assert _effective(desk) == (3, 3, True)


def test_verdict_when_told_again_then_nothing_changes(desk: Desk) -> None:
    before = desk.ledger.one("select version from public.strategies where id = %s", desk.strategy)
    links = "select count(*) from public.audit_log where table_name = 'strategy_validations' and user_id = %s"
    assert desk.ledger.one(links, desk.user) == 1
    for _ in range(2):
        found_valid(desk.ledger, desk.strategy)
    assert desk.ledger.one("select version from public.strategies where id = %s", desk.strategy) == before
    assert len(_events(desk, "strategy.validated")) == 1
    assert desk.ledger.one(links, desk.user) == 1


def test_verdict_when_a_valid_version_is_found_not_valid_then_it_is_not_started_again(desk: Desk) -> None:
    """Its plug-in was uninstalled, for one."""
    _say(desk, 1, SLOW)
    assert _effective(desk) == (1, 1, True)
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    with refused("NOT_VALID", 422):
        _activate(desk)


def test_sweep_when_an_hour_has_passed_or_the_kind_has_changed_then_the_newest_version_is_due_again(desk: Desk) -> None:
    _say(desk, 1, SLOW)
    assert _due(desk) == []
    age = "update public.strategy_validations set validated_at = now() - interval '61 minutes' where strategy_id = %s"
    desk.ledger.run(age, desk.strategy)
    assert _due(desk) == [1]
    _say(desk, 1)
    assert _due(desk) == []
    kind = [{"kind": "by_hand", "title": "By hand", "description": str(uuid4()), "config_schema": {}}]
    desk.ledger.call("sync_strategy_kinds", "fn_strategy", p_kinds=kind)
    assert _due(desk) == [1]
    desk.ledger.call("delete_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    assert _due(desk) == []


@pytest.mark.parametrize(
    ("valid", "problems", "inputs"),
    [
        (True, [SLOW], NEEDS),
        (False, [], None),
        (True, [], None),
        (True, [], {}),
        (False, [SLOW], NEEDS),
        (True, {}, NEEDS),
        (None, [], NEEDS),
    ],
)
def test_verdict_when_it_contradicts_itself_then_refused(desk: Desk, valid: Any, problems: Any, inputs: Any) -> None:
    said = {"p_strategy_id": desk.strategy, "p_valid": valid, "p_problems": problems, "p_inputs": inputs}
    with refused("BAD_VERDICT", 422):
        desk.ledger.call("record_validation", "fn_strategy", p_version=1, **said)


def test_verdict_when_on_a_version_that_is_not_there_then_refused(desk: Desk) -> None:
    with refused("NO_SUCH_VERSION", 404):
        _say(desk, 2)


# --- adversaries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "update public.strategies set effective_version = 1 where id = %(id)s",
        "update public.strategies set effective_since = now() where id = %(id)s",
        "update public.strategies set status = 'active' where id = %(id)s",
        "update public.strategies set strategy_version = 1 where id = %(id)s",
        "insert into public.strategy_validations (strategy_id, strategy_version, user_id) values (%(id)s, 1, %(user)s)",
        "update public.strategy_validations set valid = true where strategy_id = %(id)s",
        "delete from public.strategy_validations where strategy_id = %(id)s",
        "select public.record_validation(%(id)s, 1, true, '[]', '{}')",
        "select public.versions_to_validate(%(id)s)",
    ],
)
def test_verdict_when_a_trader_writes_it_then_not_allowed(draft: Desk, statement: str) -> None:
    with draft.ledger.session() as connection:
        become(connection, "authenticated", draft.user)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode(), {"id": draft.strategy, "user": draft.user})
        connection.rollback()


def test_effective_version_when_written_in_the_studio_then_it_is_not_believed(draft: Desk) -> None:
    draft.ledger.run(
        "update public.strategies set effective_version = 1, effective_since = now() where id = %s", draft.strategy
    )
    assert _effective(draft) == (1, None, False)
    _say(draft, 1)
    _edit(draft)
    for version in (None, 2):
        draft.ledger.run("update public.strategies set effective_version = %s where id = %s", version, draft.strategy)
        assert _effective(draft) == (2, 1, True)


def test_verdict_when_moved_to_another_version_then_refused(desk: Desk) -> None:
    _edit(desk)
    with refused("VERDICT_IS_FIXED", 409):
        desk.ledger.run(
            "update public.strategy_validations set strategy_version = 2 where strategy_id = %s", desk.strategy
        )


def test_edit_when_it_races_an_activation_then_what_was_not_looked_at_never_starts(desk: Desk) -> None:
    for _ in range(10):
        racer = Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))
        racer.ledger.call("deactivate_strategy", "authenticated", racer.user, p_strategy_id=racer.strategy)

        def edit(connection: Connection, strategy: UUID = racer.strategy) -> None:
            become(connection, "authenticated", desk.user)
            connection.execute("update public.strategies set symbols = '{IWM}' where id = %s", [strategy])

        activate = calling("activate_strategy", "authenticated", racer.user, p_strategy_id=racer.strategy)
        outcome = tuple(racer.ledger.at_once(*answers([edit, activate])))
        active = racer.ledger.one("select status = 'active' from public.strategies where id = %s", racer.strategy)
        assert (outcome, active, _effective(racer)[:2]) in [
            (("STRATEGY_IS_ACTIVE", "done"), True, (1, 1)),
            (("done", "NOT_VALIDATED"), False, (2, 1)),
        ]


def test_verdicts_when_two_versions_are_told_at_once_then_the_newer_one_is_in_effect(desk: Desk) -> None:
    for _ in range(10):
        racer = Desk(desk.ledger, desk.user, desk.account, new_strategy(desk.ledger, desk.user, desk.account))
        _edit(racer)
        _edit(racer, '{"n": 2}')
        said = {"p_strategy_id": racer.strategy, "p_valid": True, "p_problems": [], "p_inputs": NEEDS}
        tell = [calling("record_validation", "fn_strategy", p_version=version, **said) for version in (3, 2)]
        assert racer.ledger.at_once(*answers(tell)) == ["done", "done"]
        assert _effective(racer) == (3, 3, True)


# --- what the account needs ------------------------------------------------------------------------------------------


def test_activate_when_the_account_is_not_verified_or_has_no_data_then_refused(fresh_desk: Desk) -> None:
    desk = fresh_desk
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    store(desk, register(desk.ledger))
    with refused("ACCOUNT_NOT_VERIFIED", 409) as error:
        _activate(desk)
    assert "activate the strategy once it is verified" in str(error.value.diag.message_hint)
    verdict(desk)
    with refused("NO_MARKET_DATA", 409):
        _activate(desk)
    with refused("NO_MARKET_DATA", 409):
        desk.ledger.run("update public.strategies set status = 'active' where id = %s", desk.strategy)
    store(desk, register(desk.ledger, "data"), "data")
    assert "NO_CREDENTIAL" not in [warning["code"] for warning in _activate(desk)["warnings"]]


def test_activate_when_the_account_is_refused_then_the_reason_is_the_brokers(fresh_desk: Desk) -> None:
    desk = fresh_desk
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    store(desk, register(desk.ledger))
    verdict(desk, "refused")
    with refused("ACCOUNT_NOT_VERIFIED", 409) as error:
        _activate(desk)
    assert error.value.diag.message_hint == "enter them again"


def test_sweep_when_one_trader_has_written_many_versions_then_another_has_a_turn(desk: Desk) -> None:
    for number in range(3):
        _edit(desk, f'{{"n": {number}}}')
    other = Desk.open(desk.ledger)
    _edit(other)
    first = desk.ledger.rows("select count(distinct user_id) from public.strategy_versions")[0][0]
    waiting = desk.ledger.call("versions_to_validate", "fn_strategy", p_limit=first)
    assert str(other.strategy) in [one["strategy_id"] for one in waiting]
