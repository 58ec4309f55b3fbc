"""Ownership is a composite foreign key: a row of one user can never point at an account or strategy of another."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.integration.ledger.desk import Desk, fill_every_table, found_valid, new_account, order_of
from tests.integration.ledger.ledger import Ledger, become, refused

FOREIGN = psycopg.errors.ForeignKeyViolation


@pytest.fixture
def thief(ledger: Ledger) -> Desk:
    return Desk.open(ledger)


def test_strategy_when_on_anothers_account_then_refused(desk: Desk, thief: Desk) -> None:
    with refused("NO_SUCH_ACCOUNT", 404):
        desk.ledger.run_as(
            "authenticated",
            thief.user,
            "insert into public.strategies (user_id, broker_account_id, name, kind, symbols) "
            "values (%s, %s, 'theft', 'by_hand', '{SPY}')",
            thief.user,
            desk.account,
        )


@pytest.mark.parametrize("table", ["broker_accounts", "strategies"])
def test_row_when_given_to_another_user_then_refused(desk: Desk, thief: Desk, table: str) -> None:
    with refused("OWNER_IS_FIXED", 409):
        desk.ledger.run(f"update public.{table} set user_id = %s where user_id = %s", thief.user, desk.user)


@pytest.mark.parametrize("table", ["broker_accounts", "strategies"])
def test_row_when_inserted_for_another_user_then_refused(desk: Desk, thief: Desk, table: str) -> None:
    columns, values, more = {
        "broker_accounts": ("broker, account_id", "'alpaca', 'theirs'", []),
        "strategies": ("name, kind, symbols, broker_account_id", "'theirs', 'by_hand', '{SPY}', %s", [desk.account]),
    }[table]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.ledger.run_as(
            "authenticated",
            thief.user,
            f"insert into public.{table} (user_id, {columns}) values (%s, {values})",
            desk.user,
            *more,
        )


@pytest.mark.parametrize(
    "column",
    ["user_id", "broker_account_id", "strategy_id"],
)
def test_trade_when_its_owner_account_and_strategy_disagree_then_refused(desk: Desk, thief: Desk, column: str) -> None:
    trade = desk.place()
    theirs = {"user_id": thief.user, "broker_account_id": thief.account, "strategy_id": thief.strategy}[column]
    with pytest.raises(FOREIGN):
        desk.ledger.run(
            "insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object("
            "'id', gen_random_uuid(), 'signal', 'theft', 'client_order_id', 'theft', 'placed_number', 0, "
            f"'{column}', %s::text))).* from public.trades as t where id = %s",
            str(theirs),
            trade,
        )


def test_order_when_on_anothers_account_then_account_is_not_found(desk: Desk, thief: Desk) -> None:
    order = order_of() | {"idempotency_key": "theft", "broker_account_id": str(desk.account)}
    with refused("NO_SUCH_ACCOUNT", 404):
        desk.ledger.call("place_trade", "authenticated", thief.user, p_order=order)


def test_order_when_account_is_unlinked_then_refused(desk: Desk) -> None:
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    desk.ledger.run("update public.broker_accounts set status = 'unlinked' where id = %s", desk.account)
    with refused("NO_SUCH_ACCOUNT", 404):
        desk.place_by_hand("key")


def test_trade_when_canceled_by_a_stranger_then_not_found(desk: Desk, thief: Desk) -> None:
    trade = desk.place()
    for unknown in (trade, uuid4()):
        with refused("NO_SUCH_TRADE", 404):
            desk.ledger.call("request_cancel", "authenticated", thief.user, p_trade_id=unknown, p_reason="theft")
    assert desk.status(trade) == "pending"


@pytest.mark.parametrize("function", ["activate_strategy", "deactivate_strategy"])
def test_strategy_when_moved_by_a_stranger_then_not_found(desk: Desk, thief: Desk, function: str) -> None:
    with refused("NO_SUCH_STRATEGY", 404):
        desk.ledger.call(function, "authenticated", thief.user, p_strategy_id=desk.strategy)


def test_report_when_its_owner_is_not_the_accounts_then_refused(desk: Desk, thief: Desk) -> None:
    with pytest.raises(FOREIGN):
        desk.ledger.run(
            "insert into public.daily_pnl_reports (id, user_id, broker_account_id, report_date, realised_pnl, "
            "realised_pnl_fifo, fees, trades, fills, closed_at) "
            "values (gen_random_uuid(), %s, %s, '2013-10-07', 0, 0, 0, 0, 0, now())",
            thief.user,
            desk.account,
        )


_OWNED = """
  select c.oid::regclass::text, r.attname::text from pg_class as c
  join pg_attribute as u on u.attrelid = c.oid and u.attname = 'user_id'
  join pg_attribute as r on r.attrelid = c.oid and r.attname in ('broker_account_id', 'strategy_id', 'trade_id')
    and not r.attisdropped
  where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) and c.relkind in ('r', 'p')
    and not c.relispartition order by 1, 2
"""


def test_tables_when_they_name_an_owner_and_a_row_then_the_foreign_key_names_both(ledger: Ledger) -> None:
    """Of every table of the catalogue: a column of an account, a strategy or a trade stands in a key with user_id."""
    bound = set(
        ledger.rows(
            "select c.conrelid::regclass::text, a.attname::text from pg_constraint as c "
            "join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = any (c.conkey) "
            "where c.contype = 'f' and exists (select from pg_attribute as u where u.attrelid = c.conrelid "
            "and u.attnum = any (c.conkey) and u.attname = 'user_id')"
        )
    )
    owned = set(ledger.rows(_OWNED))
    assert len(owned) > 20
    assert owned - bound == set()


def test_rows_when_any_is_given_to_a_stranger_past_every_trigger_then_the_foreign_key_refuses(
    fresh_ledger: Ledger,
) -> None:
    owner, stranger = Desk.open(fresh_ledger), Desk.open(fresh_ledger)
    fill_every_table(owner)
    attacked = []
    for table, column in fresh_ledger.rows(_OWNED):
        with fresh_ledger.session() as connection:
            # Our own triggers are put aside; those of the foreign keys are not.
            connection.execute(f"alter table {table} disable trigger user".encode())
            try:
                done = connection.execute(
                    f"update {table} set user_id = %s where user_id = %s and {column} is not null".encode(),
                    [stranger.user, owner.user],
                )
                connection.execute("set constraints all immediate")
                assert done.rowcount == 0, f"{table} lets a row of one user point by {column} at another's"
            except psycopg.errors.ForeignKeyViolation:
                attacked.append((table, column))
            connection.rollback()
    print(f"{len(attacked)} of the catalogue's columns were attacked on rows that exist")
    assert len(attacked) > 15


def test_foreign_keys_when_to_a_users_row_then_they_carry_the_user(ledger: Ledger) -> None:
    """A new table that names an account, a strategy or a trade has to name its owner with it."""
    loose = ledger.rows(
        "select c.conrelid::regclass::text, c.conname from pg_constraint as c where c.contype = 'f' "
        "and c.connamespace = 'public'::regnamespace "
        "and c.confrelid in ('public.broker_accounts'::regclass, 'public.strategies'::regclass) "
        "and not exists (select from pg_attribute as a where a.attrelid = c.conrelid and a.attnum = any (c.conkey) "
        "and a.attname = 'user_id')"
    )
    assert loose == []


def test_foreign_keys_when_read_then_none_deletes_or_nulls_what_points_at_it(ledger: Ledger) -> None:
    soft = ledger.rows(
        "select conrelid::regclass::text, conname from pg_constraint as c join pg_class as t on t.oid = c.conrelid "
        "where c.contype = 'f' and t.relnamespace in ('public'::regnamespace, 'private'::regnamespace) "
        "and confdeltype not in ('r', 'a')"
    )
    assert soft == []


def test_account_when_new_then_has_a_gate_of_its_owner(desk: Desk) -> None:
    account = new_account(desk.ledger, desk.user)
    gates = desk.ledger.rows(
        "select scope, user_id, closed from public.trading_gates where gate_key = %s", f"account:{account}"
    )
    assert gates == [("account", desk.user, False)]


def test_strategy_when_edited_then_a_new_version_and_trades_name_theirs(desk: Desk) -> None:
    first = desk.place()
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        connection.execute("update public.strategies set config = '{\"fast\": 5}' where id = %s", [desk.strategy])
        connection.execute("update public.strategies set name = 'another name' where id = %s", [desk.strategy])
    found_valid(desk.ledger, desk.strategy)
    second = desk.place()
    versions = desk.ledger.rows(
        "select strategy_version, config, created_by from public.strategy_versions where strategy_id = %s "
        "order by strategy_version",
        desk.strategy,
    )
    assert [version[:2] for version in versions] == [(1, {}), (2, {"fast": 5})]
    assert versions[1][2] == f"user:{desk.user}"
    assert desk.ledger.rows(
        "select strategy_version from public.trades where id = any(%s) order by placed_number", [first, second]
    ) == [(1,), (2,)]


@pytest.mark.parametrize("symbols", ["{SPY,IWM,NOSUCH}", "{SPY,NULL}", "{}", "{spy}"])
def test_strategy_when_active_and_symbols_become_unknown_then_refused(desk: Desk, symbols: str) -> None:
    """One user's typing error must not reach the market data stream of everybody."""
    with refused("STRATEGY_IS_ACTIVE", 409):
        desk.ledger.run_as(
            "authenticated",
            desk.user,
            "update public.strategies set symbols = %s where id = %s",
            symbols,
            desk.strategy,
        )
    assert desk.ledger.call("watched_symbols", "fn_ingest") == {"symbols": ["IWM", "SPY"], "left_out": []}


@pytest.mark.parametrize("symbols", ["{SPY,NULL}", "{}"])
def test_strategy_when_its_symbols_are_none_then_refused(desk: Desk, symbols: str) -> None:
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    with refused("BAD_STRATEGY", 422):
        desk.ledger.run("update public.strategies set symbols = %s where id = %s", symbols, desk.strategy)


def test_strategy_when_activated_with_unknown_symbol_then_refused(desk: Desk) -> None:
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    desk.ledger.run("update public.strategies set symbols = '{NOSUCH}' where id = %s", desk.strategy)
    with refused("UNKNOWN_SYMBOL", 422):
        desk.ledger.call("activate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
