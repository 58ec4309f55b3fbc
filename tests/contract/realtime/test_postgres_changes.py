"""postgres_changes: every subscriber is told of the rows that it may see, and of no other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql

_IDS = itertools.count(1)


def _note(database: psycopg.Connection, owner: Any, **values: Any) -> int:
    identity = next(_IDS)
    columns = {"id": identity, "owner": owner.id} | values
    insert = sql.SQL("insert into notes ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    )
    database.execute(insert, list(columns.values()))
    return identity


def _watch(client: Any, topic: str, caller: Any, **binding: Any) -> Any:
    asked = {"event": "*", "schema": "public", "table": "notes"} | binding
    return client.join(topic, caller.token, postgres_changes=[asked])


def test_join_when_bindings_given_then_reply_echoes_them_with_ids(connected: Callable[..., Any], alice: Any) -> None:
    client = connected()
    asked = [
        {"event": "INSERT", "schema": "public", "table": "notes", "filter": "id=gt.5"},
        {"event": "*", "schema": "public"},
    ]
    reply = client.join("realtime:bound", alice.token, postgres_changes=asked)
    described = reply["response"]["postgres_changes"]
    assert [{key: value for key, value in one.items() if key != "id"} for one in described] == asked
    assert len({one["id"] for one in described}) == 2
    system = client.event("system")
    assert (system["status"], system["extension"], system["channel"]) == ("ok", "postgres_changes", "bound")


def test_insert_when_row_is_own_then_record_arrives_typed(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    reply = _watch(client, "realtime:own", alice)
    identity = _note(
        database,
        alice,
        amount=Decimal("12345678901234567.0000000001"),
        tags=["a", 'b,"c', None],
        done=True,
        document='{"deep": [1, 2]}',
        body="x" * 20_000,
    )
    change = client.event("postgres_changes")
    assert change["ids"] == [reply["response"]["postgres_changes"][0]["id"]]
    data = change["data"]
    assert (data["type"], data["schema"], data["table"], data["errors"]) == ("INSERT", "public", "notes", None)
    record = data["record"]
    assert (record["id"], record["owner"], record["done"]) == (identity, alice.id, True)
    assert (record["tags"], record["document"]) == (["a", 'b,"c', None], {"deep": [1, 2]})
    assert record["body"] == "x" * 20_000
    # Every digit is on the wire; what a client's own parser makes of it is its business.
    assert record["amount"] == Decimal("12345678901234567.0000000001")
    assert {"name": "amount", "type": "numeric"} in data["columns"]


def test_change_when_row_is_anothers_then_not_told(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any, bob: Any
) -> None:
    owner, thief = connected(), connected()
    _watch(owner, "realtime:mine", alice)
    _watch(thief, "realtime:theirs", bob, filter=f"owner=eq.{alice.id}")
    everything = connected()
    everything.join("realtime:all", bob.token, postgres_changes=[{"event": "*", "schema": "*"}])
    identity = _note(database, alice, body="secret")
    database.execute("update notes set body = 'more secret' where id = %s", [identity])
    database.execute("delete from notes where id = %s", [identity])
    own = _note(database, bob, body="bob's")
    assert everything.event("postgres_changes")["data"]["record"]["id"] == own
    assert thief.seen("postgres_changes") == []
    assert everything.seen("postgres_changes") == []


def test_change_when_row_changes_hands_then_new_owner_never_sees_the_old_owners_row(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any, bob: Any
) -> None:
    receiver = connected()
    _watch(receiver, "realtime:handed", bob)
    with database.transaction():
        identity = _note(database, alice, body="alice's secret")
        database.execute("update notes set owner = %s, body = 'given' where id = %s", [bob.id, identity])
    _note(database, bob, body="last")
    told = [receiver.event("postgres_changes")["data"]["record"] for _ in range(3)]
    assert {record["body"] for record in told} == {"given", "last"}
    assert {record["owner"] for record in told} == {bob.id}


def test_change_when_column_is_not_granted_then_left_out(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    _watch(client, "realtime:columns", alice)
    _note(database, alice, hidden="for the service only")
    data = client.event("postgres_changes")["data"]
    assert "hidden" not in data["record"]
    assert "hidden" not in {column["name"] for column in data["columns"]}


def test_update_when_own_then_record_and_old_key_arrive(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    _watch(client, "realtime:update", alice, event="UPDATE")
    identity = _note(database, alice, body="x" * 20_000)
    database.execute("update notes set done = false where id = %s", [identity])
    data = client.event("postgres_changes")["data"]
    assert (data["type"], data["old_record"]) == ("UPDATE", {"id": identity})
    assert (data["record"]["done"], data["record"]["body"]) == (False, "x" * 20_000)


def test_delete_when_table_has_policies_then_only_a_role_above_them_is_told_the_key(
    connected: Callable[..., Any], database: psycopg.Connection, token: Callable[..., str], alice: Any
) -> None:
    owner, service = connected(), connected()
    _watch(owner, "realtime:deleted", alice)
    binding = {"event": "DELETE", "schema": "public", "table": "notes"}
    service.join("realtime:deleted", token("service_role"), postgres_changes=[binding])
    identity = _note(database, alice, body="gone")
    database.execute("delete from notes where id = %s", [identity])
    data = service.event("postgres_changes")["data"]
    assert (data["type"], data["old_record"]) == ("DELETE", {"id": identity})
    _note(database, alice, body="after")
    owner.take(lambda frame: frame[3] == "postgres_changes" and frame[4]["data"]["record"]["body"] == "after")
    assert all(change["data"]["type"] == "INSERT" for change in owner.seen("postgres_changes"))


def test_delete_when_table_has_no_policies_then_reader_is_told_the_key(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    _watch(client, "realtime:open", alice, table="open_notes", event="DELETE")
    database.execute("insert into open_notes values (7, 'x'); delete from open_notes where id = 7")
    assert client.event("postgres_changes")["data"]["old_record"] == {"id": 7}


def test_changes_when_many_then_all_arrive_in_commit_order(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    _watch(client, "realtime:order", alice, event="INSERT")
    identities = [_note(database, alice, body=str(number)) for number in range(200)]
    assert [client.event("postgres_changes")["data"]["record"]["id"] for _ in range(200)] == identities


def test_filter_when_several_conditions_then_all_must_hold(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    reply = _watch(client, "realtime:filtered", alice, filter='amount=gt.5,body=in.(x,"y,z"),done=not.is.null')
    assert reply["status"] == "ok"
    _note(database, alice, amount=4, body="x", done=True)
    _note(database, alice, amount=6, body="w", done=True)
    _note(database, alice, amount=6, body="x")
    wanted = [
        _note(database, alice, amount=6, body="y,z", done=True),
        _note(database, alice, amount=10, body="x", done=False),
    ]
    assert [client.event("postgres_changes")["data"]["record"]["id"] for _ in wanted] == wanted
    assert client.seen("postgres_changes") == []


def test_select_when_given_then_only_those_columns_arrive(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    _watch(client, "realtime:select", alice, select=["id", "body"])
    identity = _note(database, alice, body="b", amount=1)
    assert client.event("postgres_changes")["data"]["record"] == {"id": identity, "body": "b"}


@pytest.mark.parametrize(
    ("binding", "reason"),
    [
        ({"table": "unpublished"}, "not in the publication"),
        ({"table": "nothing"}, "not in the publication"),
        ({"schema": "auth", "table": "users"}, "not in the publication"),
        ({"filter": "hidden=eq.x"}, "may not be read"),
        ({"filter": "nothing=eq.x"}, "does not exist"),
        ({"filter": "id=eq.many"}, "invalid input syntax"),
        ({"filter": "id"}, "expected column=operator.value"),
        ({"filter": "id=near.5"}, "expected column=operator.value"),
        ({"filter": "body=match.(a+)+$"}, "expected column=operator.value"),
        ({"filter": "document=gt.{}"}, "cannot compare"),
        ({"filter": "id=in.5"}, "expected in.(a,b,...)"),
        ({"filter": "done=is.perhaps"}, "is knows null"),
        ({"filter": 5}, "filter must be text"),
        ({"select": ["hidden"]}, "may not be read"),
        ({"event": "TRUNCATE"}, "event must be"),
    ],
)
def test_join_when_binding_is_wrong_then_refused_with_reason(
    connected: Callable[..., Any], alice: Any, binding: dict[str, Any], reason: str
) -> None:
    reply = _watch(connected(), "realtime:wrong", alice, **binding)
    assert reply["status"] == "error"
    assert reason in reply["response"]["reason"]


def test_join_when_role_may_not_read_the_table_then_refused(connected: Callable[..., Any]) -> None:
    binding = {"event": "*", "schema": "public", "table": "notes"}
    reply = connected().join("realtime:anonymous", postgres_changes=[binding])
    assert "may not read" in reply["response"]["reason"]


def test_changes_when_token_becomes_anothers_then_the_first_users_rows_stop(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any, bob: Any
) -> None:
    client = connected()
    _watch(client, "realtime:switch", alice)
    client.send("realtime:switch", "access_token", {"access_token": bob.token})
    client.ask("realtime:switch", "presence", {"event": "untrack"})
    _note(database, alice, body="alice's")
    own = _note(database, bob, body="bob's")
    assert client.event("postgres_changes")["data"]["record"]["id"] == own
    assert client.seen("postgres_changes") == []


def test_await_visible_when_transaction_is_open_then_waits_for_its_end(
    database: psycopg.Connection, postgres: Any, eventually: Callable[..., None]
) -> None:
    with psycopg.connect(postgres.dsn) as writer, psycopg.connect(postgres.dsn, autocommit=True) as reader:
        row = writer.execute("select pg_current_xact_id()::text::bigint % 4294967296").fetchone()
        assert row is not None
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(reader.execute, "select realtime._await_visible(%s)", [[row[0]]])
            asleep = "select wait_event = 'PgSleep' from pg_stat_activity where pid = %s"
            eventually(lambda: database.execute(asleep, [reader.info.backend_pid]).fetchone() == (True,))
            assert not waiting.done()
            writer.commit()
            waiting.result(15)


@pytest.mark.parametrize("xids", [[], [3], [2**32 - 1], [1, 2]])
def test_await_visible_when_transactions_are_long_over_then_returns(
    database: psycopg.Connection, xids: list[int]
) -> None:
    database.execute("select realtime._await_visible(%s::bigint[])", [xids])


@pytest.fixture
def commits_stay_invisible(database: psycopg.Connection) -> Iterator[Callable[[], None]]:
    """Commits are streamed but wait for a standby that never comes, until the returned function is called."""

    def end() -> None:
        database.execute("alter system reset synchronous_standby_names")
        database.execute("select pg_reload_conf()")

    database.execute("alter system set synchronous_standby_names = 'nobody'")
    database.execute("select pg_reload_conf()")
    yield end
    end()


def test_insert_when_log_is_read_before_the_row_is_visible_then_told_as_soon_as_it_is(
    connected: Callable[..., Any],
    database: psycopg.Connection,
    postgres: Any,
    eventually: Callable[..., None],
    alice: Any,
    commits_stay_invisible: Callable[[], None],
) -> None:
    client = connected()
    _watch(client, "realtime:early", alice)
    with psycopg.connect(postgres.dsn, autocommit=True) as writer, ThreadPoolExecutor(1) as pool:
        eventually(lambda: writer.execute("show synchronous_standby_names").fetchone() == ("nobody",))
        written = pool.submit(_note, writer, alice)
        judging = (
            "select count(*) from pg_stat_activity where query like '%realtime._visible%' and wait_event = 'PgSleep'"
        )
        eventually(lambda: database.execute(judging).fetchone() == (1,))
        assert not written.done()
        commits_stay_invisible()
        assert client.event("postgres_changes")["data"]["record"]["id"] == written.result(15)
