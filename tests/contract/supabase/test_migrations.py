"""Migrations: in order, all or nothing, recorded as the Supabase CLI does; and the platform's stand-ins before them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from functions.core.errors import Misconfigured
from local import bootstrap
from local.migrations import migrate
from local.sql_statements import split, without_comments
from tests.contract.supabase.small_cloud import Cloud


@pytest.fixture
def database(cloud: Cloud) -> Iterator[str]:
    """The address of an empty database of its own."""
    name = f"made_{uuid.uuid4().hex}"
    with psycopg.connect(cloud.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield cloud.server.dsn(database=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name.removeprefix('v')}.sql").write_text(text)


def test_migrate_when_files_are_new_then_they_run_in_order_once(database: str, tmp_path: Path) -> None:
    _write(tmp_path, v2_fill="insert into t values (1); insert into t values (2);", v1_make="create table t (id int);")
    assert migrate(database, tmp_path) == ["1_make.sql", "2_fill.sql"]
    assert migrate(database, tmp_path) == []
    assert _rows(database, "select id from t order by id") == [(1,), (2,)]
    history = "select version, name, statements from supabase_migrations.schema_migrations order by version"
    assert _rows(database, history) == [
        ("1", "make", ["create table t (id int)"]),
        ("2", "fill", ["insert into t values (1)", "insert into t values (2)"]),
    ]


def test_migrate_when_a_statement_fails_then_nothing_of_the_file_stays_and_the_line_is_told(
    database: str, tmp_path: Path
) -> None:
    _write(
        tmp_path,
        v1_good="create table t (id int);",
        v2_bad="insert into t values (1);\n\ninsert into t\nvalues (nope);",
    )
    with pytest.raises(Misconfigured) as raised:
        migrate(database, tmp_path)
    assert raised.value.code == "MIGRATION_FAILED"
    assert raised.value.numbers == {"file": "2_bad.sql", "line": 4, "statement": 2}
    assert 'column "nope" does not exist' in raised.value.text
    assert _rows(database, "select count(*) from t") == [(0,)]
    _write(tmp_path, v2_bad="insert into t values (7);")
    assert migrate(database, tmp_path) == ["2_bad.sql"]
    assert _rows(database, "select id from t") == [(7,)]


@pytest.mark.parametrize(
    "statements",
    [
        ["insert into t values (1)", "create table u ()", "insert into t values (2)", "insert into t values (1 / 0)"],
        ["insert into t values (1)", "do $$ begin execute 'create role \"x\" superuser nonsense'; end $$"],
        ["create table u ()", "insert into t values (1)", "create table u ()"],
        ["create type mood as enum ('a')", "insert into t values (1)", "do $$ begin commit; end $$"],
    ],
    ids=["last of four", "inside a block", "a name twice", "a block that commits"],
)
def test_migrate_when_the_last_statement_fails_then_nothing_of_the_file_stays(
    database: str, tmp_path: Path, statements: list[str]
) -> None:
    _write(tmp_path, v1_good="create table t (id int);", v2_bad=";\n".join(statements) + ";\n")
    with pytest.raises(Misconfigured) as raised:
        migrate(database, tmp_path)
    assert raised.value.code == "MIGRATION_FAILED"
    assert _rows(database, "select count(*) from t") == [(0,)]
    assert _rows(database, "select to_regclass('u'), to_regtype('mood')") == [(None, None)]
    assert _rows(database, "select version from supabase_migrations.schema_migrations") == [("1",)]


@pytest.mark.parametrize("end", ["commit", "/* now */ COMMIT and chain", "end", "rollback", "begin", "start transaction"])
def test_migrate_when_a_file_ends_its_transaction_itself_then_it_is_refused_before_anything_runs(
    database: str, tmp_path: Path, end: str
) -> None:
    _write(tmp_path, v1_half=f"create table t ();\n\n{end};\nselect nope;")
    with pytest.raises(Misconfigured) as raised:
        migrate(database, tmp_path)
    assert (raised.value.code, raised.value.numbers["line"]) == ("MIGRATION_ENDS_ITSELF", 3)
    assert _rows(database, "select to_regclass('t')") == [(None,)]


def test_migrate_when_an_applied_file_was_changed_then_it_says_which_and_what_to_do(
    database: str, tmp_path: Path
) -> None:
    _write(tmp_path, v1_make="create table t (id int);", v2_fill="insert into t values (1);")
    migrate(database, tmp_path)
    _write(tmp_path, v1_make="-- A comment may change.\ncreate table t (id int);", v3_more="insert into t values (3);")
    assert migrate(database, tmp_path) == ["3_more.sql"]
    _write(tmp_path, v2_fill="insert into t values (2);", v4_more="insert into t values (4);")
    with pytest.raises(Misconfigured) as raised:
        migrate(database, tmp_path)
    assert (raised.value.code, raised.value.numbers) == ("MIGRATION_CHANGED", {"files": "2_fill.sql"})
    assert "agenttrader up" in raised.value.text
    assert _rows(database, "select id from t order by id") == [(1,), (3,)]


def test_migrate_when_a_migration_was_marked_by_hand_then_it_is_taken_as_applied(database: str, tmp_path: Path) -> None:
    """`supabase migration repair` records a version without saying what was run."""
    _write(tmp_path, v1_make="create table t (id int);")
    migrate(database, tmp_path)
    with psycopg.connect(database) as connection:
        connection.execute("update supabase_migrations.schema_migrations set statements = null")
    assert migrate(database, tmp_path) == []


def test_migrate_when_a_file_changes_a_setting_then_the_next_does_not_see_it(database: str, tmp_path: Path) -> None:
    _write(
        tmp_path, v1_set="set search_path to pg_catalog; set statement_timeout = '1h';", v2_make="create table t ();"
    )
    migrate(database, tmp_path)
    assert _rows(database, "select to_regclass('public.t')::text") == [("t",)]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"v1_a": "select 1", "v1_b": "select 1"}, "MIGRATION_NAME"),
        ({"first": "select 1"}, "MIGRATION_NAME"),
        ({"v10_b": "select 1", "v05_late": "select 1"}, "MIGRATION_ORDER"),
        ({}, "MIGRATION_GONE"),
    ],
)
def test_migrate_when_the_folder_contradicts_the_database_then_it_says_how(
    database: str, tmp_path: Path, files: dict[str, str], code: str
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    _write(before, v10_b="select 1")
    migrate(database, before)
    now = tmp_path / "now"
    now.mkdir()
    _write(now, **files)
    with pytest.raises(Misconfigured) as raised:
        migrate(database, now)
    assert raised.value.code == code


def test_migrate_when_two_run_at_once_then_each_file_runs_once(database: str, tmp_path: Path) -> None:
    more = {"v2_fill": "insert into t values (1);", "v3_more": "insert into t values (2);"}
    _write(tmp_path, v1_make="create table t (id int);", **more)
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(migrate(database, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done, key=len) == [[], [], ["1_make.sql", "2_fill.sql", "3_more.sql"]]
    assert _rows(database, "select count(*) from t") == [(2,)]


STRINGS = ["'a;b'", "'it''s;'", "E'\\';'", "U&'\\0041;'", '"a;""b"', "$$;$$", "$x$ $$ ; $x$", "$a1$'$a1$"]
COMMENTS = ["/* ; /* ; */ ; */", "-- ;\n"]
WORDS = [
    "select 1",
    "price$1",
    "::text",
    "(",
    ")",
    "\n",
    "a.b",
    "begin atomic select case when a then 1 end; select 2; end",
]
PIECES = st.sampled_from(STRINGS + COMMENTS + WORDS)


@settings(max_examples=300)
@given(st.lists(st.lists(PIECES, max_size=6), max_size=5))
def test_split_when_semicolons_hide_in_quotes_and_comments_then_statements_stay_whole(made: list[list[str]]) -> None:
    texts = [" ".join(pieces) for pieces in made]
    assert [statement.text for statement in split(" ;\n".join(texts))] == [text.strip() for text in texts if text.strip()]


def test_split_when_statements_start_after_comments_then_the_line_is_that_of_the_first_word() -> None:
    found = split("-- one\n\nselect 1;\n/* two\n */ select\n 2\n;\n-- three\n")
    assert [(statement.text, statement.line, statement.begins) for statement in found] == [
        ("-- one\n\nselect 1", 3, 1),
        ("/* two\n */ select\n 2", 5, 4),
        ("-- three", 8, 8),
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("select 1 -- why\n, 2", "select\t1, 2", False),
        ("select 1 /* why */ , 2", "select 1 , 2", True),
        ("-- why\nselect 1", "select 1", True),
        ("select 'a  b'", "select 'a b'", False),
        ("select $$ -- a $$", "select $$ -- b $$", False),
    ],
)
def test_without_comments_when_two_texts_are_compared_then_only_what_postgres_reads_counts(
    one: str, other: str, same: bool
) -> None:
    assert (without_comments(one) == without_comments(other)) is same


def test_bootstrap_when_applied_again_then_nothing_changes(cloud: Cloud) -> None:
    roles = "select rolname, rolcanlogin, rolbypassrls, rolsuper from pg_roles where rolname !~ '^pg_' order by 1"
    before = _rows(cloud.dsn, roles)
    bootstrap.apply(cloud.dsn)
    assert _rows(cloud.dsn, roles) == before
    able = {name: (login, bypass) for name, login, bypass, _ in before}
    assert (able["anon"], able["service_role"], able["authenticator"]) == ((False, False), (False, True), (True, False))
    assert [name for name, _, _, superuser in before if superuser] == ["postgres"]


def test_bootstrap_when_a_file_fails_then_the_error_names_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "10_wrong.sql").write_text("create table t (); select nonsense;")
    monkeypatch.setattr(bootstrap, "FOLDER", tmp_path)
    with pytest.raises(Misconfigured) as raised:
        bootstrap.apply(database)
    assert (raised.value.code, raised.value.numbers) == ("BOOTSTRAP_FAILED", {"file": "10_wrong.sql"})
    assert _rows(database, "select to_regclass('t')") == [(None,)]


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "authenticator", "fn_risk"])
@pytest.mark.parametrize(
    "attempt",
    [
        "select * from vault.secrets",
        "select * from vault.decrypted_secrets",
        "select vault.create_secret('a', 'b')",
        "select * from auth.users",
        "select * from auth.refresh_tokens",
        "create table public.mine ()",
    ],
)
def test_closed_when_a_request_role_tries_then_postgres_refuses(cloud: Cloud, role: str, attempt: str) -> None:
    with psycopg.connect(cloud.dsn) as connection:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(attempt.encode())


def test_vault_when_the_owner_keeps_a_secret_then_it_reads_changes_and_finds_it(cloud: Cloud) -> None:
    with psycopg.connect(cloud.dsn) as connection:
        kept = connection.execute("select vault.create_secret('one', 'relay', 'why')").fetchone()
        assert kept is not None
        connection.execute("select vault.update_secret(%s, 'two')", (kept[0],))
        read = "select name, description, decrypted_secret from vault.decrypted_secrets where id = %s"
        assert connection.execute(read, (kept[0],)).fetchone() == ("relay", "why", "two")
        connection.rollback()
