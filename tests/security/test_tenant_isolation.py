"""User B reads and changes nothing of user A: every table, every operation, through the real gateway."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgrest.exceptions import APIError

from local.stack import Stack
from supabase import Client, create_client
from tests.integration.ledger.desk import order_of
from tests.integration.ledger.ledger import Ledger
from tests.security.conftest import Gateway, Person
from tests.security.expectations import (
    ADMINISTRATORS_ONLY,
    CALLERS,
    FUNCTION_ROLES,
    RELATIONS,
    ROLES,
    UNEXPOSED_SCHEMAS,
    UPDATABLE,
)

Row = dict[str, Any]
NAMES_NOBODY = {
    "abandon_request",
    "begin_request",
    "create_api_key",
    "finish_request",
    "preview_user",
    "price_history",
    "request_backfill",
    "set_blackout",
    "set_watchlist",
    "watch_symbols",
}
"""Functions whose arguments name no row: they only ever write in the caller's own name."""
OWNED = sorted(name for name, kind in RELATIONS.items() if kind != "shared")
SHARED = sorted(name for name, kind in RELATIONS.items() if kind == "shared")
NOT_ALLOWED = "42501"
# A generated column and a view that joins or computes are refused before Postgres asks for the right.
REFUSALS = {NOT_ALLOWED, "428C9", "55000", "0A000"}


@pytest.fixture(scope="module")
def stranger(stack: Stack) -> Client:
    """Somebody with nothing but the publishable key."""
    return create_client(stack.url("gateway"), stack.publishable_key)


def _rows(client: Client, relation: str, **equal: str) -> list[Row]:
    query = client.table(relation).select("*")
    for column, value in equal.items():
        query = query.eq(column, value)
    return cast("list[Row]", query.execute().data)


def _image(ledger: Ledger, relation: str, user: str) -> Any:
    """What is really there of this user, as the superuser sees it."""
    return ledger.one(
        f"select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text), '[]') from public.{relation} as t "
        "where t.user_id = %s",
        user,
    )


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relation", OWNED)
def test_row_when_read_by_its_owner_then_all_of_theirs_and_nothing_else(
    ledger: Ledger, owner: Person, thief: Person, relation: str
) -> None:
    del thief  # Whose rows are there as well.
    rows = _rows(owner.client, relation)
    mine = [row for row in rows if row["user_id"] == owner.id]
    assert len(mine) == len(_image(ledger, relation, owner.id)) > 0
    others = {row["user_id"] for row in rows} - {owner.id}
    assert others <= ({None} if RELATIONS[relation] == "own and global" else set())


@pytest.mark.parametrize("relation", OWNED)
def test_row_when_read_by_another_user_then_not_there(owner: Person, thief: Person, relation: str) -> None:
    rows = _rows(thief.client, relation)
    assert owner.id not in {row["user_id"] for row in rows}
    assert thief.id in {row["user_id"] for row in rows}
    assert _rows(thief.client, relation, user_id=owner.id) == []
    counted = thief.client.table(relation).select("*", count="exact", head=True).eq("user_id", owner.id).execute()  # type: ignore[arg-type]
    assert counted.count == 0


@pytest.mark.parametrize("relation", sorted(RELATIONS))
def test_row_when_read_without_signing_in_then_refused(stranger: Client, owner: Person, relation: str) -> None:
    del owner
    with pytest.raises(APIError) as error:
        _rows(stranger, relation)
    assert error.value.code == NOT_ALLOWED


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("authenticated", "anon")])
def test_rows_when_read_by_a_function_or_the_service_key_then_refused(
    gateway: Gateway, stack: Stack, owner: Person, role: str
) -> None:
    """A function does what it may EXECUTE and reads no table; nor does whoever finds the platform's master key."""
    for relation in RELATIONS:
        answer = gateway.ask("GET", f"/rest/v1/{relation}", stack.token(role, sub=owner.id))
        assert answer.status_code == 403, (relation, answer.text)
        assert answer.json()["code"] == NOT_ALLOWED


@pytest.mark.parametrize("relation", SHARED)
def test_shared_table_when_read_then_its_columns_name_nobody(ledger: Ledger, thief: Person, relation: str) -> None:
    _rows(thief.client, relation)
    columns = ledger.rows(
        "select attname::text from pg_attribute where attrelid = %s::regclass and attnum > 0", f"public.{relation}"
    )
    assert not {"user_id", "broker_account_id", "strategy_id"} & {name for (name,) in columns}


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relation", OWNED)
def test_row_when_changed_by_another_user_then_it_stays(
    gateway: Gateway, ledger: Ledger, owner: Person, thief: Person, relation: str
) -> None:
    """Column by column, each to the thief's own value of it: of the right type, and of a row that may be written."""
    before = _image(ledger, relation, owner.id)
    (theirs, *_) = _rows(thief.client, relation, user_id=thief.id)
    for column, value in theirs.items():
        if column in UPDATABLE.get(relation, set()):
            change = thief.client.table(relation).update({column: value}).eq("user_id", owner.id)
            assert change.execute().data == []
        else:
            # Hundreds of them: asked as the client library would, without its costs.
            path = f"/rest/v1/{relation}?user_id=eq.{owner.id}"
            refused = gateway.ask("PATCH", path, thief.token, json={column: value})
            assert refused.status_code >= 400, (column, refused.text)
            assert refused.json()["code"] in REFUSALS, (column, refused.text)
    assert _image(ledger, relation, owner.id) == before


@pytest.mark.parametrize("relation", OWNED)
def test_row_when_deleted_by_another_user_or_by_its_owner_then_refused(
    ledger: Ledger, owner: Person, thief: Person, stranger: Client, relation: str
) -> None:
    before = _image(ledger, relation, owner.id)
    for client in (thief.client, owner.client, stranger):
        with pytest.raises(APIError) as error:
            client.table(relation).delete().eq("user_id", owner.id).execute()
        assert error.value.code in REFUSALS, error.value
    assert _image(ledger, relation, owner.id) == before


@pytest.mark.parametrize("relation", OWNED)
def test_row_when_forged_in_anothers_name_then_refused(
    ledger: Ledger, owner: Person, thief: Person, stranger: Client, relation: str
) -> None:
    before = _image(ledger, relation, owner.id)
    forged: Any = {
        "broker_accounts": {"user_id": owner.id, "broker": "alpaca", "account_id": "forged"},
        "strategies": {
            "user_id": owner.id,
            "broker_account_id": str(owner.desk.account),
            "name": "forged",
            "kind": "by_hand",
            "symbols": ["SPY"],
        },
    }.get(relation, before[0])
    for client in (thief.client, stranger):
        for write in (client.table(relation).insert, client.table(relation).upsert):
            with pytest.raises(APIError) as error:
                write(forged).execute()
            assert error.value.code in REFUSALS, error.value
    assert _image(ledger, relation, owner.id) == before


@pytest.mark.parametrize("relation", SHARED)
def test_shared_row_when_written_by_anybody_then_refused(
    ledger: Ledger, owner: Person, thief: Person, stranger: Client, relation: str
) -> None:
    del owner
    everything = f"select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text), '[]') from public.{relation} as t"
    before = ledger.one(everything)
    column = ledger.one(
        "select attname::text from pg_attribute where attrelid = %s::regclass and attnum = 1", f"public.{relation}"
    )
    for client in (thief.client, stranger):
        table = client.table(relation)
        for write in (
            table.insert({column: None}),
            table.upsert({column: None}),
            table.update({column: None}).not_.is_(column, "null"),
            table.delete().not_.is_(column, "null"),
        ):
            with pytest.raises(APIError) as error:
                write.execute()
            assert error.value.code == NOT_ALLOWED, error.value
    assert ledger.one(everything) == before


def test_row_when_the_owner_writes_past_the_granted_columns_then_refused(owner: Person) -> None:
    """Nobody promotes themselves, activates past the checks, or says an account is live or linked."""
    for relation, change in (
        ("profiles", {"desk_role": "administrator"}),
        ("strategies", {"status": "active"}),
        ("strategies", {"strategy_version": 7}),
        ("broker_accounts", {"is_paper": False}),
        ("broker_accounts", {"status": "unlinked"}),
        ("trades", {"status": "filled"}),
        ("trading_gates", {"closed": False}),
        ("risk_limits", {"value": "1000000"}),
        ("position_books", {"quantity": "0"}),
    ):
        with pytest.raises(APIError) as error:
            owner.client.table(relation).update(change).eq("user_id", owner.id).execute()
        assert error.value.code == NOT_ALLOWED, relation


def test_row_when_the_owner_writes_what_was_granted_then_it_changes(owner: Person) -> None:
    answer = owner.client.table("profiles").update({"display_name": "Ada"}).eq("user_id", owner.id).execute()
    assert [cast("Row", row)["display_name"] for row in answer.data] == ["Ada"]


# --- functions --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def arguments(ledger: Ledger) -> dict[str, dict[str, None]]:
    """For each function of schema public the arguments it needs, all null."""
    found = ledger.rows(
        "select proname::text, coalesce(proargnames[1:pronargs], '{}')::text[] from pg_proc "
        "where pronamespace = 'public'::regnamespace"
    )
    return {name: dict.fromkeys(names) for name, names in found}


@pytest.mark.parametrize("role", ROLES)
def test_functions_when_called_by_a_role_that_may_not_then_refused(
    gateway: Gateway, stack: Stack, thief: Person, arguments: dict[str, dict[str, None]], role: str
) -> None:
    assert set(arguments) == set(CALLERS)
    token = {"anon": None, "authenticated": thief.token}.get(role, stack.token(role))
    forbidden = [name for name, callers in CALLERS.items() if role not in callers]
    assert forbidden
    for name in forbidden:
        answer = gateway.ask("POST", f"/rest/v1/rpc/{name}", token, json=arguments[name])
        assert answer.status_code in (401, 403), (name, answer.status_code, answer.text)
        assert answer.json()["code"] == NOT_ALLOWED, (name, answer.text)


def test_functions_when_called_with_another_users_ids_then_not_found(owner: Person, thief: Person) -> None:
    trade, _ = owner.desk.ledger.rows("select id, status from public.trades where user_id = %s", owner.desk.user)[0]
    tables = ("api_keys", "position_exits", "alerts", "backfills", "blackout_dates", "backtests", "automation_sources")
    key, exit_, alert, backfill, blackout, backtest, source = (
        owner.desk.ledger.one(f"select id from public.{table} where user_id = %s limit 1", owner.id) for table in tables
    )
    webhook, delivery = owner.desk.ledger.rows(
        "select endpoint_id, id from public.webhook_deliveries where user_id = %s limit 1", owner.id
    )[0]
    hook = {"p_name": "theft", "p_url": "https://hook.example/", "p_events": ["trade.filled"]}
    account = {"p_account_id": str(owner.desk.account)}
    order = order_of() | {"idempotency_key": "theft", "broker_account_id": str(owner.desk.account)}
    limit = {"p_scope": "account", "p_scope_id": str(owner.desk.account), "p_name": "position_limit"}
    calls: dict[str, tuple[dict[str, Any], str]] = {
        "place_trade": ({"p_order": order}, "NO_SUCH_ACCOUNT"),
        "request_cancel": ({"p_trade_id": str(trade), "p_reason": "theft"}, "NO_SUCH_TRADE"),
        "request_cancel_all": (account | {"p_symbol": None, "p_reason": "theft"}, "NO_SUCH_ACCOUNT"),
        "close_position": (account | {"p_symbol": "SPY", "p_order": {"idempotency_key": "theft"}}, "NO_SUCH_ACCOUNT"),
        "request_exercise": (
            account | {"p_symbol": "SPY131019C00170000", "p_request": {"idempotency_key": "theft"}},
            "NO_SUCH_ACCOUNT",
        ),
        "request_replace": (
            {"p_trade_id": str(trade), "p_change": {"idempotency_key": "theft", "price": "1"}},
            "NO_SUCH_TRADE",
        ),
        "set_trade_note": ({"p_trade_id": str(trade), "p_text": "theft"}, "NO_SUCH_TRADE"),
        "activate_strategy": ({"p_strategy_id": str(owner.desk.strategy)}, "NO_SUCH_STRATEGY"),
        "deactivate_strategy": ({"p_strategy_id": str(owner.desk.strategy)}, "NO_SUCH_STRATEGY"),
        "close_gate": ({"p_gate_key": f"account:{owner.desk.account}", "p_reason": "theft"}, "NO_SUCH_GATE"),
        "open_gate": ({"p_gate_key": "global", "p_reason": "theft"}, "NO_SUCH_GATE"),
        "set_limit": (limit | {"p_value": "0", "p_unit": "shares or contracts"}, "NO_SUCH_SCOPE"),
        "remove_limit": (limit, "NO_SUCH_SCOPE"),
        "delete_strategy": ({"p_strategy_id": str(owner.desk.strategy)}, "NO_SUCH_STRATEGY"),
        "acknowledge_alert": ({"p_alert_id": str(alert)}, "NO_SUCH_ALERT"),
        "store_credentials": (
            account | {"p_purpose": "trading", "p_key_id": "key", "p_sealed": "c2VhbGVk"},
            "NO_SUCH_ACCOUNT",
        ),
        "ask_verification": (account, "NO_SUCH_ACCOUNT"),
        "confirm_live": (account | {"p_phrase": "theft"}, "NO_SUCH_ACCOUNT"),
        "withdraw_live": (account, "NO_SUCH_ACCOUNT"),
        "unlink_account": (account | {"p_reason": "theft"}, "NO_SUCH_ACCOUNT"),
        "relink_account": (account, "NO_SUCH_ACCOUNT"),
        "revoke_api_key": ({"p_api_key_id": str(key)}, "NO_SUCH_KEY"),
        "create_webhook": (hook | {"p_id": str(webhook)}, "NO_SUCH_WEBHOOK"),
        "set_webhook": (hook | {"p_webhook_id": str(webhook), "p_enabled": False}, "NO_SUCH_WEBHOOK"),
        "rotate_webhook": ({"p_webhook_id": str(webhook)}, "NO_SUCH_WEBHOOK"),
        "remove_webhook": ({"p_webhook_id": str(webhook)}, "NO_SUCH_WEBHOOK"),
        "test_webhook": ({"p_webhook_id": str(webhook)}, "NO_SUCH_WEBHOOK"),
        "redeliver_webhook": (
            {"p_webhook_id": str(webhook), "p_delivery_id": str(delivery)},
            "NO_SUCH_WEBHOOK",
        ),
        "rotate_automation_secret": ({"p_source_id": str(source)}, "NO_SUCH_SOURCE"),
        "save_automation_source": ({"p_source": {"id": str(source), "enabled": False}}, "NO_SUCH_SOURCE"),
        "remove_blackout": ({"p_blackout_id": str(blackout)}, "NO_SUCH_BLACKOUT"),
        "cancel_backfill": ({"p_id": str(backfill)}, "NO_BACKFILL"),
        "cancel_backtest": ({"p_backtest_id": str(backtest)}, "NO_SUCH_BACKTEST"),
        "request_backtest": (
            {"p_idempotency_key": "theft", "p_starts_on": "2013-01-01", "p_ends_on": "2013-12-31"}
            | {"p_strategy_id": str(owner.desk.strategy)},
            "NO_SUCH_STRATEGY",
        ),
        "cancel_position_exit": ({"p_exit_id": str(exit_)}, "NO_SUCH_EXIT"),
        "set_position_exit": (
            account | {"p_symbol": "SPY", "p_exit": {"stop_price": "1"}},
            "NO_SUCH_ACCOUNT",
        ),
    }
    open_to_all = {name for name, callers in CALLERS.items() if "authenticated" in callers}
    assert set(calls) == open_to_all - set(ADMINISTRATORS_ONLY) - NAMES_NOBODY
    before = {name: _image(owner.desk.ledger, name, owner.id) for name in OWNED}
    for name, (said, code) in calls.items():
        with pytest.raises(APIError) as error:
            thief.client.rpc(name, said).execute()
        assert (error.value.code, str(error.value.message).split(":")[0]) == ("PT404", code)
    assert {name: _image(owner.desk.ledger, name, owner.id) for name in OWNED} == before


@pytest.mark.parametrize("function", sorted(ADMINISTRATORS_ONLY))
def test_administrators_function_when_called_by_a_trader_then_refused(thief: Person, function: str) -> None:
    with pytest.raises(APIError) as error:
        thief.client.rpc(function, dict(ADMINISTRATORS_ONLY[function])).execute()
    assert (error.value.code, str(error.value.message)) == ("PT403", "ADMINISTRATOR_NEEDED")


def test_function_when_refused_then_the_status_is_the_refusals(gateway: Gateway, thief: Person) -> None:
    answer = gateway.ask("POST", "/rest/v1/rpc/place_trade", thief.token, json={"p_order": {}})
    assert (answer.status_code, answer.json()["code"]) == (422, "PT422")
    assert answer.json()["message"].startswith("IDEMPOTENCY_KEY_NEEDED")
    assert answer.json()["hint"]


# --- doors beside the front door --------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", UNEXPOSED_SCHEMAS)
def test_schema_when_not_exposed_then_nobody_reaches_it(
    gateway: Gateway, stack: Stack, ledger: Ledger, owner: Person, thief: Person, schema: str
) -> None:
    del owner
    # A name that public has too would be answered from there.
    relations = ledger.rows(
        "select relname::text from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'v') "
        "and to_regclass('public.' || quote_ident(relname)) is null order by 1 limit 3",
        schema,
    )
    functions = ledger.rows(
        "select distinct proname::text from pg_proc as p where pronamespace = %s::regnamespace and not exists ("
        "select from pg_proc as f where f.pronamespace = 'public'::regnamespace and f.proname = p.proname) "
        "order by 1 limit 3",
        schema,
    )
    for token in (None, thief.token, stack.service_key, *map(stack.token, FUNCTION_ROLES)):
        for (name,) in relations or [("secrets",)]:
            for path in (f"/rest/v1/{name}", f"/rest/v1/{schema}.{name}"):
                # Where schema public has a table of the same name, that one is meant unless the schema is said.
                named = {"Accept-Profile": schema}
                for headers in [named] if name in RELATIONS else [{}, named, {"Accept-Profile": "public, " + schema}]:
                    answer = gateway.ask("GET", path, token, headers=headers)
                    assert answer.status_code in (401, 403, 404, 406), (path, headers, answer.text)
        for (name,) in functions:
            for headers in ({}, {"Content-Profile": schema}):
                answer = gateway.ask("POST", f"/rest/v1/rpc/{name}", token, json={}, headers=headers)
                assert answer.status_code in (401, 403, 404, 406), (name, headers, answer.text)


INJECTIONS = (
    "trades?user_id=eq.{owner}' or '1'='1",
    "trades?or=(user_id.eq.{owner},user_id.not.is.null)",
    "trades?or=(user_id.eq.{owner},and(user_id.neq.{thief},id.not.is.null))",
    "trades?not.and=(user_id.eq.{thief},id.is.null)",
    "trades?select=*,broker_accounts(*)&user_id=neq.{thief}",
    "trades?select=*&id=in.(select id from public.trades)",
    "trades?select=*&symbol=like.*&limit=1000&offset=0",
    "trades?order=id;drop table public.trades",
    "trades?order=(select account_id from public.broker_accounts limit 1)",
    "trades?select=id);drop table public.trades;--",
    "trades?select=id,secret:(select decrypted_secret from vault.decrypted_secrets)",
    "trades?select=count(),user_id",
    "trades?select=id::text::uuid,reason->>x'%3B drop table public.trades%3B--",
    "trades?limit=1;select 1",
    "trades?id=eq.1)%20or%20(1=1",
    "profiles?select=*,auth.users(*)",
    "profiles?select=*,users(*)",
    "broker_accounts?select=*,strategies(*,trades(*)),trades(*,fills(*))",
    "positions?select=*,broker_accounts(*)",
    'trades?"user_id"=eq.{owner}',
    "trades?user_id=eq.{owner}&user_id=eq.{owner}",
    "audit_log?select=*&after->>user_id=eq.{owner}",
    "rpc/place_trade?p_order={{}}",
)


def _leaks(answer_text: str, owner: Person) -> bool:
    """Whether an answer holds what only A knows: the account's number at the broker, or the name of an execution."""
    number = owner.desk.ledger.one("select account_id from public.broker_accounts where id = %s", owner.desk.account)
    return f'"{number}"' in answer_text or f"execution of {owner.desk.account}" in answer_text


@pytest.mark.parametrize("attack", INJECTIONS)
def test_filter_when_it_carries_sql_then_only_own_rows_or_a_refusal(
    gateway: Gateway, ledger: Ledger, owner: Person, thief: Person, attack: str
) -> None:
    before = _image(ledger, "trades", owner.id)
    path = "/rest/v1/" + attack.format(owner=owner.id, thief=thief.id)
    for method in ("GET", "PATCH", "DELETE"):
        answer = gateway.ask(method, path, thief.token, json={"reason": "stolen"} if method == "PATCH" else None)
        assert answer.status_code < 500, (method, answer.text)
        assert not _leaks(answer.text, owner), answer.text
        found = answer.json() if answer.status_code == 200 else []
        assert owner.id not in json.dumps(found)
    assert _image(ledger, "trades", owner.id) == before


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    column=st.sampled_from(["id", "user_id", "reason", "or", "and", "select", "order", "not.or"]),
    text=st.text(st.sampled_from("abz019.,()'\";:*%&=-> /\\|{}\n\t$_éor"), max_size=40),
)
def test_filter_when_it_is_any_text_then_never_a_row_of_another(
    gateway: Gateway, owner: Person, thief: Person, column: str, text: str
) -> None:
    answer = gateway.ask("GET", "/rest/v1/trades", thief.token, params={column: text})
    assert answer.status_code < 500, (column, text, answer.text)
    if answer.status_code == 200:
        assert owner.id not in answer.text


def test_table_when_named_with_sql_then_not_found(gateway: Gateway, thief: Person) -> None:
    for name in (
        "trades;drop table trades",
        "trades where 1=1",
        '"trades"',
        "private%2Eoutbox",
        "..%2Fauth%2Fusers",
        "%00",
    ):
        answer = gateway.ask("GET", f"/rest/v1/{name}", thief.token)
        assert answer.status_code in (400, 404), (name, answer.status_code, answer.text)
