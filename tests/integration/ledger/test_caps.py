"""How much one user may have: the last one fits, the next is refused, and two at once are not both the last."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.ledger.desk import Desk, calling, order_of
from tests.integration.ledger.ledger import Connection, answers, become, refused

CAPS = {
    "strategies_per_user": ("200", "TOO_MANY_STRATEGIES"),
    "strategy_edits_per_hour": ("120", "TOO_MANY_EDITS"),
    "limits_per_user": ("500", "TOO_MANY_LIMITS"),
    "api_keys_per_user": ("50", "TOO_MANY_API_KEYS"),
    "automation_sources_per_user": ("100", "TOO_MANY_SOURCES"),
    "broker_accounts_per_user": ("20", "TOO_MANY_ACCOUNTS"),
    "broker_account_links_per_day": ("40", "TOO_MANY_LINKS"),
    "new_options_per_day": ("2000", "TOO_MANY_NEW_OPTIONS"),
}


@contextmanager
def _set(desk: Desk, **caps: int) -> Iterator[None]:
    """With these settings; afterwards with those that the migrations gave."""
    try:
        for name, value in caps.items():
            desk.ledger.run("update private.settings set value = %s where name = %s", str(value), name)
        yield
    finally:
        for name in caps:
            desk.ledger.run("update private.settings set value = %s where name = %s", CAPS[name][0], name)


Act = Callable[[Connection, Desk, int], Any]


def _write_strategy(connection: Connection, desk: Desk, number: int) -> None:
    become(connection, "authenticated", desk.user)
    connection.execute(
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        "values (%s, %s, %s, 'by_hand', '{SPY}')",
        [desk.user, desk.account, f"number {number}"],
    )


def _set_limit(connection: Connection, desk: Desk, number: int) -> None:
    symbol = [None, "SPY", "IWM"][number % 3]
    name = ["position_limit", "capital_limit"][number // 3]
    calling(
        "set_limit",
        "authenticated",
        desk.user,
        p_scope="user",
        p_scope_id=desk.user,
        p_name=name,
        p_value="1",
        p_unit=desk.ledger.one("select private.limit_unit(%s)", name),
        p_symbol=symbol,
    )(connection)


def _make_key(connection: Connection, desk: Desk, number: int) -> None:
    calling(
        "create_api_key",
        "authenticated",
        desk.user,
        p_name=f"number {number}",
        p_scopes="{read}",
        p_expires_at=datetime.now(UTC) + timedelta(days=1),
    )(connection)


def _link(connection: Connection, desk: Desk, number: int) -> None:
    become(connection, "authenticated", desk.user)
    connection.execute(
        "insert into public.broker_accounts (user_id, broker, account_id) values (%s, 'alpaca', %s)",
        [desk.user, f"{desk.user} {number}"],
    )


def _name_option(connection: Connection, desk: Desk, number: int) -> None:
    """An order of an option that nobody has named: each user's on a strike of their own."""
    strike = int(desk.user) % 900_000 * 10 + number + 1
    order = order_of(symbol=f"SPY131019C{strike:08}", quantity="1", idempotency_key=f"option {number}") | {
        "broker_account_id": str(desk.account)
    }
    calling("place_trade", "authenticated", desk.user, p_order=order)(connection)


CASES: list[tuple[str, Act]] = [
    ("strategies_per_user", _write_strategy),
    ("strategy_edits_per_hour", _write_strategy),
    ("limits_per_user", _set_limit),
    ("api_keys_per_user", _make_key),
    ("broker_accounts_per_user", _link),
    ("broker_account_links_per_day", _link),
    ("new_options_per_day", _name_option),
]
# What a desk has when it is opened counts: an account and a strategy, which the tests' superuser has made.
HAS = {"strategies_per_user": 1, "broker_accounts_per_user": 1}


def _do(desk: Desk, act: Act, number: int) -> str:
    (outcome,) = desk.ledger.at_once(*answers([lambda connection: act(connection, desk, number)]))
    return outcome


def test_caps_when_nothing_is_said_otherwise_then_these(desk: Desk) -> None:
    found = desk.ledger.rows("select name, value from private.settings where name = any (%s)", list(CAPS))
    assert dict(found) == {name: value for name, (value, _) in CAPS.items()}


@pytest.mark.parametrize(("cap", "act"), CASES, ids=[name for name, _ in CASES])
def test_cap_when_it_is_reached_then_the_last_fits_and_the_next_is_refused(desk: Desk, cap: str, act: Act) -> None:
    with _set(desk, **{cap: 3 + HAS.get(cap, 0)}):
        outcomes = [_do(desk, act, number) for number in range(4)]
    assert outcomes == ["done", "done", "done", CAPS[cap][1]]
    assert _do(Desk.open(desk.ledger), act, 0) == "done", "another user has room of their own"


@pytest.mark.parametrize(("cap", "act"), CASES, ids=[name for name, _ in CASES])
def test_cap_when_many_ask_at_once_then_no_more_than_it(desk: Desk, cap: str, act: Act) -> None:
    def work(number: int) -> Callable[[Connection], Any]:
        return lambda connection: act(connection, desk, number)

    with _set(desk, **{cap: 2 + HAS.get(cap, 0)}):
        outcomes = desk.ledger.at_once(*answers([work(number) for number in range(6)]))
    assert sorted(outcomes) == sorted(["done"] * 2 + [CAPS[cap][1]] * 4)


def test_cap_when_one_statement_writes_many_then_they_are_counted_one_by_one(desk: Desk) -> None:
    written = (
        "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
        f"select '{desk.user}', '{desk.account}', 'number ' || n, 'by_hand', '{{SPY}}' from generate_series(1, %s) as n"
    )
    with _set(desk, strategies_per_user=4):
        with refused("TOO_MANY_STRATEGIES", 409):
            desk.ledger.run_as("authenticated", desk.user, written, 4)
        desk.ledger.run_as("authenticated", desk.user, written, 3)


def test_cap_of_strategies_when_one_is_deleted_then_there_is_room(desk: Desk) -> None:
    with _set(desk, strategies_per_user=1):
        assert _do(desk, _write_strategy, 0) == "TOO_MANY_STRATEGIES"
        desk.ledger.call("delete_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
        assert _do(desk, _write_strategy, 0) == "done"


def test_cap_of_edits_when_only_the_verdict_comes_then_it_is_no_edit(desk: Desk) -> None:
    with _set(desk, strategy_edits_per_hour=1):
        assert _do(desk, _write_strategy, 0) == "done"
        desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
        desk.ledger.call("activate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
        with refused("TOO_MANY_EDITS", 409):
            desk.ledger.run_as(
                "authenticated", desk.user, "update public.strategies set name = 'other' where id = %s", desk.strategy
            )


def test_cap_of_limits_when_one_is_changed_or_removed_then_only_those_that_are_set_count(desk: Desk) -> None:
    with _set(desk, limits_per_user=1):
        assert _do(desk, _set_limit, 0) == "done"
        assert _do(desk, _set_limit, 0) == "done", "the same limit again is no other one"
        assert _do(desk, _set_limit, 1) == "TOO_MANY_LIMITS"
        removed = {"p_scope": "user", "p_scope_id": desk.user, "p_name": "position_limit"}
        desk.ledger.call("remove_limit", "authenticated", desk.user, **removed)
        assert _do(desk, _set_limit, 1) == "done"
        assert _do(desk, _set_limit, 0) == "TOO_MANY_LIMITS", "one that was removed is set again"


def test_cap_of_keys_when_one_is_revoked_then_there_is_room(desk: Desk) -> None:
    with _set(desk, api_keys_per_user=1):
        assert _do(desk, _make_key, 0) == "done"
        assert _do(desk, _make_key, 1) == "TOO_MANY_API_KEYS"
        key = desk.ledger.one("select id from public.api_keys where user_id = %s", desk.user)
        desk.ledger.call("revoke_api_key", "authenticated", desk.user, p_api_key_id=key)
        assert _do(desk, _make_key, 1) == "done"


def test_cap_of_accounts_when_one_is_linked_again_then_it_counts(desk: Desk) -> None:
    def own(number: int) -> UUID:
        found: UUID = desk.ledger.one(
            "select id from public.broker_accounts where account_id = %s", f"{desk.user} {number}"
        )
        return found

    with _set(desk, broker_accounts_per_user=2):
        assert _do(desk, _link, 0) == "done"
        desk.ledger.call("unlink_account", "authenticated", desk.user, p_account_id=own(0), p_reason="a test says so")
        assert _do(desk, _link, 1) == "done"
        with refused("TOO_MANY_ACCOUNTS", 409):
            desk.ledger.call("relink_account", "authenticated", desk.user, p_account_id=own(0))


def test_cap_of_sources_when_it_is_reached_then_the_next_is_refused(desk: Desk) -> None:
    def written(number: int) -> None:
        """As a function does for its owner: it holds no token of an administrator."""
        with desk.ledger.session() as connection:
            connection.execute("select set_config('request.jwt.claims', %s, true)", ['{"role": "fn_api"}'])
            connection.execute(
                "insert into public.automation_sources (user_id, broker_account_id, name, kind, symbols, max_quantity) "
                "values (%s, %s, %s, 'generic', '{SPY}', 1)",
                [desk.user, desk.account, f"number {number}"],
            )

    with _set(desk, automation_sources_per_user=2):
        written(0)
        written(1)
        with refused("TOO_MANY_SOURCES", 409):
            written(2)


def test_cap_of_new_options_when_the_option_is_known_then_it_is_not_counted(desk: Desk) -> None:
    with _set(desk, new_options_per_day=1):
        assert _do(desk, _name_option, 0) == "done"
        assert _do(desk, _name_option, 1) == "TOO_MANY_NEW_OPTIONS"
        assert _do(Desk.open(desk.ledger), _name_option, 0) == "done"
        again = order_of(quantity="1", idempotency_key="again") | {
            "symbol": desk.ledger.one("select symbol from public.trades where user_id = %s", desk.user),
            "broker_account_id": str(desk.account),
        }
        desk.ledger.call("place_trade", "authenticated", desk.user, p_order=again)


def test_cap_when_an_administrator_writes_in_the_studio_then_they_are_not_held(desk: Desk) -> None:
    with _set(desk, strategies_per_user=1):
        desk.ledger.run(
            "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
            "values (%s, %s, 'one more', 'by_hand', '{SPY}')",
            desk.user,
            desk.account,
        )
