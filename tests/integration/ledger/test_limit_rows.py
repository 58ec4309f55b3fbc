"""Limits as rows: what an administrator edits in the Studio holds as what is set by call; nothing gets around it."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.ledger.desk import Desk, approval_of, calling, new_account
from tests.integration.ledger.ledger import Connection, Ledger, call, refused
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, ask, new_administrator, new_viewer, signed_in

CLIENTS = 16
SHARES = "shares or contracts"


def _add(desk: Desk, value: str | None = "10", name: str = "position_limit", **more: Any) -> UUID:
    """As an administrator adds a row in the Studio."""
    row = {"scope": "account", "broker_account_id": desk.account, "name": name, "value": value} | more
    columns = ", ".join(row)
    found: UUID = desk.ledger.one(
        f"insert into public.risk_limits ({columns}, unit) values ({', '.join(['%s'] * len(row))}, '') returning id",
        *row.values(),
    )
    return found


def _edit(desk: Desk, limit: UUID, edit: str) -> None:
    desk.ledger.run(f"update public.risk_limits set {edit} where id = %s", limit)


def _row(desk: Desk, limit: UUID) -> dict[str, Any]:
    found: dict[str, Any] = desk.ledger.one("select to_jsonb(l) from public.risk_limits as l where id = %s", limit)
    return found


def _set_as(desk: Desk, user: UUID, value: str, **claims: Any) -> None:
    with signed_in(desk.ledger, user, **claims) as connection:
        ask(
            connection,
            "set_limit",
            p_scope="account",
            p_scope_id=desk.account,
            p_name="position_limit",
            p_value=value,
            p_unit=SHARES,
        )


def test_limit_when_added_edited_and_emptied_in_the_studio_then_it_holds_and_its_history_tells_who(desk: Desk) -> None:
    limit = _add(desk)
    row, me = _row(desk, limit), desk.ledger.one("select private.actor()")
    assert (row["user_id"], row["unit"], row["set_by_administrator"]) == (str(desk.user), SHARES, True)
    assert row["changed_by"] == me
    assert desk.approve(desk.place(quantity="11")) == "rejected"
    _edit(desk, limit, "value = 20, changed_by = 'nobody', set_by_administrator = false")
    assert (_row(desk, limit)["changed_by"], _row(desk, limit)["set_by_administrator"]) == (me, True)
    assert desk.approve(desk.place(quantity="11")) == "approved"
    _edit(desk, limit, "value = null")
    assert desk.approve(desk.place(quantity="1000")) == "approved"
    history = desk.ledger.rows(
        "select value_before, value, actor from public.risk_limit_versions where limit_id = %s order by version", limit
    )
    assert history == [(None, 10, me), (10, 20, me), (20, None, me)]
    with signed_in(desk.ledger, desk.user) as connection:
        assert len(connection.execute("select from public.risk_limit_versions").fetchall()) == 3
    with signed_in(desk.ledger, Desk.open(desk.ledger).user) as connection:
        assert connection.execute("select from public.risk_limit_versions").fetchall() == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": "position_limt"}, "UNKNOWN_LIMIT"),
        ({"value": "-1"}, "BAD_LIMIT"),
        ({"symbol": "NOTHING"}, "UNKNOWN_SYMBOL"),
    ],
)
def test_limit_when_added_wrongly_in_the_studio_then_refused_as_the_call_is(
    desk: Desk, more: dict[str, str], code: str
) -> None:
    with refused(code, 422):
        _add(desk, **more)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "many", "1e30"])
def test_limit_when_its_value_is_no_amount_in_the_studio_then_refused(desk: Desk, value: str) -> None:
    limit = _add(desk)
    with pytest.raises((psycopg.errors.DataError, psycopg.errors.CheckViolation)):
        desk.ledger.run("update public.risk_limits set value = %s where id = %s", value, limit)
    assert _row(desk, limit)["value"] == 10


@pytest.mark.parametrize(
    "edit", ["name = 'capital_limit'", "unit = 'dollars'", "symbol = 'SPY'", "user_id = null, scope = 'global'"]
)
def test_limit_when_what_it_limits_is_edited_then_refused(desk: Desk, edit: str) -> None:
    limit = _add(desk)
    with refused("LIMIT_IS_FIXED", 409):
        _edit(desk, limit, edit)


def test_limit_when_deleted_then_refused(desk: Desk) -> None:
    _add(desk)
    for statement in ("delete from public.risk_limits", "truncate public.risk_limits cascade"):
        with refused("APPEND_ONLY", 409):
            desk.ledger.run(statement)


@pytest.mark.parametrize("value", ["9", "11"])
def test_limit_when_an_administrator_set_it_then_its_trader_neither_loosens_nor_removes_it(
    desk: Desk, value: str
) -> None:
    _add(desk)
    with refused("ADMINISTRATOR_NEEDED", 403):
        _set_as(desk, desk.user, value)
    with refused("ADMINISTRATOR_NEEDED", 403):
        desk.ledger.call("remove_limit", "authenticated", desk.user, **_name(desk))
    with refused("ADMINISTRATOR_NEEDED", 403):
        desk.set_limit("position_limit", value)  # A program of the trader's, neither.
    # What they may do is to set a tighter one on a narrower scope.
    desk.set_limit("position_limit", "5", "strategy")
    assert desk.approve(desk.place(quantity="6")) == "rejected"


def _name(desk: Desk) -> dict[str, Any]:
    return {"p_scope": "account", "p_scope_id": desk.account, "p_name": "position_limit"}


def test_limit_when_a_trader_set_it_then_changed_taken_over_and_removed(desk: Desk) -> None:
    _set_as(desk, desk.user, "10")
    _set_as(desk, desk.user, "20")
    assert desk.ledger.call("remove_limit", "authenticated", desk.user, **_name(desk)) is True
    assert desk.ledger.call("remove_limit", "authenticated", desk.user, **_name(desk)) is False
    assert desk.approve(desk.place(quantity="1000")) == "approved"
    _set_as(desk, new_administrator(desk.ledger), "5", **CLAIM)
    with refused("ADMINISTRATOR_NEEDED", 403):
        _set_as(desk, desk.user, "20")


def test_limit_when_an_administrator_has_removed_theirs_then_the_trader_sets_one_of_their_own(desk: Desk) -> None:
    _add(desk)
    administrator = new_administrator(desk.ledger)
    with signed_in(desk.ledger, administrator, **CLAIM, **SECOND_FACTOR) as connection:
        ask(connection, "remove_limit", **_name(desk))
    _set_as(desk, desk.user, "20")
    assert desk.ledger.call("remove_limit", "authenticated", desk.user, **_name(desk)) is True


@pytest.mark.parametrize("value", ["11", None])
def test_limit_when_an_administrator_loosens_it_then_only_with_a_second_factor(desk: Desk, value: str | None) -> None:
    """A stolen password of an administrator tightens, and never lets more through."""
    _add(desk)
    administrator = new_administrator(desk.ledger)

    def loosen(**claims: Any) -> None:
        with signed_in(desk.ledger, administrator, **CLAIM, **claims) as connection:
            if value is None:
                ask(connection, "remove_limit", **_name(desk))
            else:
                ask(connection, "set_limit", **_name(desk), p_value=value, p_unit=SHARES)

    _set_as(desk, administrator, "9", **CLAIM)
    with refused("SECOND_FACTOR_NEEDED", 403):
        loosen()
    loosen(**SECOND_FACTOR)


@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize(
    ("name", "value", "parameters"),
    [
        ("undefined_risk", "1", {}),
        ("duplicate_order", "0", {}),
        ("stale_quote", "121", {}),
        ("pin_risk", "1", {"within_minutes": "0"}),
    ],
)
def test_limit_when_an_administrator_sets_one_looser_than_its_default_then_only_with_a_second_factor(
    desk: Desk, name: str, value: str, parameters: dict[str, str], removed: bool
) -> None:
    administrator = new_administrator(desk.ledger)
    unit, default = desk.ledger.rows(
        "select unit, default_value::text from public.risk_limit_kinds where name = %s", name
    )[0]
    said = {"p_scope": "account", "p_scope_id": desk.account, "p_name": name, "p_unit": unit}
    loose = said | {"p_value": value, "p_parameters": Jsonb(parameters)}

    def set_by(person: UUID, asked: dict[str, Any], **claims: Any) -> None:
        with signed_in(desk.ledger, person, **CLAIM, **claims) as connection:
            ask(connection, "set_limit", **asked)

    if removed:
        set_by(administrator, said | {"p_value": default})
        gone = {key: said[key] for key in ("p_scope", "p_scope_id", "p_name")}
        with signed_in(desk.ledger, administrator, **CLAIM, **SECOND_FACTOR) as connection:
            ask(connection, "remove_limit", **gone)
    with refused("SECOND_FACTOR_NEEDED", 403):
        set_by(administrator, loose)
    set_by(administrator, loose, **SECOND_FACTOR)


def test_limit_when_the_claim_is_forged_or_a_viewer_sets_it_then_refused(desk: Desk) -> None:
    stranger = Desk.open(desk.ledger).user
    with refused("NO_SUCH_SCOPE", 404):
        _set_as(desk, stranger, "5", **CLAIM)
    with pytest.raises(psycopg.Error) as error:
        _set_as(desk, new_viewer(desk.ledger, f"desk of {desk.user}", desk.user), "5")
    assert error.value.sqlstate in ("PT403", "PT404")


# --- what is counted --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "mark", "code"),
    [
        ({"quantity": "10", "planned_stop": "90"}, "100", None),
        ({"quantity": "11", "planned_stop": "90"}, "100", "MAX_LOSS_PER_TRADE"),
        ({"quantity": "2", "order_type": "limit", "price": "50"}, "100", None),
        ({"quantity": "3", "order_type": "limit", "price": "50"}, "100", "MAX_LOSS_PER_TRADE"),
        ({"quantity": "1", "side": "sell"}, "100", "MISSING_STOP"),
        ({"quantity": "1", "planned_stop": "100"}, "100", "STOP_ON_WRONG_SIDE"),
        ({"quantity": "5", "order_type": "stop", "stop_price": "110", "planned_stop": "90"}, "100", None),
        (
            {"quantity": "6", "order_type": "stop", "stop_price": "110", "planned_stop": "90"},
            "100",
            "MAX_LOSS_PER_TRADE",
        ),
        ({"quantity": "5", "order_type": "stop", "stop_price": "90", "planned_stop": "80"}, "100", None),
        (
            {"quantity": "6", "order_type": "stop", "stop_price": "90", "planned_stop": "80"},
            "100",
            "MAX_LOSS_PER_TRADE",
        ),
        ({"quantity": "8", "order_type": "trailing_stop", "trail_percent": "2", "planned_stop": "90"}, "100", None),
        (
            {"quantity": "9", "order_type": "trailing_stop", "trail_price": "2", "planned_stop": "90"},
            "100",
            "MAX_LOSS_PER_TRADE",
        ),
        ({"quantity": "1"}, None, "MISSING_MARK"),
    ],
)
def test_max_loss_when_judged_by_the_ledger_then_held_to_the_dollar(
    desk: Desk, order: dict[str, str], mark: str | None, code: str | None
) -> None:
    desk.set_limit("max_loss_per_trade", "100")
    answer = desk.approval(desk.place(**order), mark)
    assert answer.get("refusal", {}).get("code") == code


def test_user_limit_when_one_account_is_long_and_another_short_then_they_do_not_cancel_out(desk: Desk) -> None:
    there = Desk(desk.ledger, desk.user, new_account(desk.ledger, desk.user), desk.strategy)
    desk.hold("100")
    short = there.place_by_hand("short", "sell", "100")
    there.approve(short)
    there.claim(short)
    there.fill(there.submit(short), "100", "10", side="sell")
    desk.set_limit("position_limit", "250", "user")
    assert desk.approval(desk.place(quantity="51"))["refusal"]["after"] == "251"
    assert desk.approve(desk.place(quantity="50")) == "approved"


def test_symbol_limit_when_on_every_scope_then_only_that_symbol_counts(fresh_desk: Desk) -> None:
    for scope in ("global", "user", "strategy"):
        limit = _limit(fresh_desk, scope, "position_limit", Decimal(5), symbol="IWM")
        assert fresh_desk.approve(fresh_desk.place(quantity="6")) == "approved"
        refusal = fresh_desk.approval(fresh_desk.place(quantity="6", symbol="IWM"))["refusal"]
        assert (refusal["code"], refusal["scope"]) == ("POSITION_LIMIT", scope)
        _edit(fresh_desk, limit, "value = null")


# --- sixteen clients --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tries", [48, pytest.param(480, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("strategy", "position_limit"),
        ("account", "capital_limit"),
        ("user", "position_limit"),
        ("global", "position_limit"),
        ("global", "capital_limit"),
    ],
)
def test_limit_when_sixteen_clients_approve_hundreds_then_not_exceeded_by_a_share_or_a_dollar(
    fresh_ledger: Ledger, scope: str, name: str, tries: int
) -> None:
    """Odd quantities of several desks against one limit; two clients try each trade."""
    desks = [Desk.open(fresh_ledger) for _ in range(3 if scope == "global" else 1)]
    trades = [desk.place(quantity=str(1 + number % 7)) for number in range(tries // len(desks)) for desk in desks]
    limit = Decimal(101)
    _limit(desks[0], scope, name, limit if name == "position_limit" else limit * 100)

    def approve(batch: list[UUID]) -> Callable[[Connection], int]:
        def run(connection: Connection) -> int:
            for trade in batch:
                call(connection, "approve_trade", "fn_risk", **approval_of(trade))
                connection.commit()
            return len(batch)

        return run

    batches = [trades[number % 8 :: 8] for number in range(CLIENTS)]
    assert sum(fresh_ledger.at_once(*[approve(batch) for batch in batches])) == 2 * len(trades)
    approved = fresh_ledger.one("select sum(quantity) from public.trades where status = 'approved'")
    assert limit - 7 < approved <= limit
    assert fresh_ledger.one("select count(*) from public.trades where status = 'pending'") == 0


def _limit(desk: Desk, scope: str, name: str, value: Decimal, **more: Any) -> UUID:
    ids: dict[str, dict[str, Any]] = {
        "user": {"user_id": desk.user},
        "account": {"broker_account_id": desk.account},
        "strategy": {"strategy_id": desk.strategy},
    }
    row: dict[str, Any] = {"broker_account_id": None} | ids.get(scope, {}) | more
    return _add(desk, str(value), name, scope=scope, **row)


@pytest.mark.parametrize("how", ["call", "studio"])
def test_global_limit_when_it_is_set_among_approvals_then_what_comes_after_it_is_counted_by_it(
    fresh_ledger: Ledger, how: str
) -> None:
    """Before it is there nobody locks it: the orders under way must end first, or two of them miss each other."""
    for turn in range(2):
        desks = [Desk.open(fresh_ledger) for _ in range(8)]
        trades = [desk.place(quantity="10") for desk in desks]

        def limit(connection: Connection) -> Any:
            if how == "studio":
                connection.execute(
                    "insert into public.risk_limits (scope, name, value, unit) "
                    "values ('global', 'position_limit', 25, '') "
                    "on conflict (scope, user_id, broker_account_id, strategy_id, symbol, name) "
                    "do update set value = excluded.value"
                )
            else:
                connection.execute(
                    "select public.set_limit('global', null, 'position_limit', '25', 'shares or contracts')"
                )
            connection.commit()
            row = connection.execute("select clock_timestamp()").fetchone()
            assert row is not None
            return row[0]

        works = [calling("approve_trade", "fn_risk", **approval_of(trade)) for trade in trades]
        set_at, *_ = fresh_ledger.at_once(limit, *works)
        # Whoever was approved after the limit was there found room for all that had been approved by then.
        worst = fresh_ledger.one(
            "select max(total) from (select t.at, 10 * count(*) over (order by t.at) as total "
            "from public.trade_transitions as t where t.to_status = 'approved' and t.user_id = any (%s)) as approvals "
            "where at > %s",
            [desk.user for desk in desks],
            set_at,
        )
        assert worst is None or worst <= 25, turn
        fresh_ledger.run("update public.risk_limits set value = null")
        for trade in trades:
            fresh_ledger.call("request_cancel", "fn_risk", p_trade_id=trade, p_reason="next turn")


def test_multi_leg_order_when_judged_then_refused_and_never_by_its_first_leg(desk: Desk) -> None:
    desk.set_limit("position_limit", "100")
    trade = desk.place(quantity="1")
    has_flag = desk.ledger.one(
        "select count(*) from information_schema.columns where table_name = 'trades' and column_name = 'multi_leg'"
    )
    if has_flag:
        desk.ledger.tamper("update public.trades set multi_leg = true where id = %s", trade)
    desk.ledger.tamper(
        "insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, quantity) "
        "values (%s, 1, %s, 'IWM', 'sell', 'sell_to_open', 1000000)",
        trade,
        desk.user,
    )
    assert desk.approval(trade)["refusal"]["code"] == "MULTI_LEG_NOT_JUDGED"
