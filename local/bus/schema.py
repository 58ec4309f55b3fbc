"""Loads the bus into a database: pgmq's SQL, the schema `bus`, and one queue per subscription of the wiring table."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from functions.core.wiring import DEAD_LETTERS, DeadLetterTrigger, TopicTrigger, Wiring, wiring

BUS_SQL = Path(__file__).resolve().parents[1] / "bootstrap" / "60_bus.sql"
PUBLISHER_ROLE = "bus"
DISPATCHER_ROLE = "bus_dispatcher"
_LOCK = "bus.schema"
_LONGEST_QUEUE_NAME = 47


def apply(
    dsn: str,
    *,
    table: Wiring | None = None,
    publisher_password: str | None = None,
    dispatcher_password: str | None = None,
) -> None:
    """Brings the database at `dsn` (a superuser's address) in line with the wiring table. Safe to run again.

    `table` is the project's own where it is None. A password that is given becomes the password of the login role
    `bus` (may publish) or `bus_dispatcher` (may deliver). Messages of a subscription that the table no longer has
    go to whoever hears dead letters, else to `bus.buried`.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext(%s))", [_LOCK])
        if connection.execute("select to_regclass('pgmq.meta')").fetchone() == (None,):
            _execute_script(connection, files("pgmq").joinpath("sql", "pgmq.sql").read_text(encoding="utf-8"))
        _execute_script(connection, BUS_SQL.read_text(encoding="utf-8"))
        _wire(connection, wiring() if table is None else table)
        for role, password in ((PUBLISHER_ROLE, publisher_password), (DISPATCHER_ROLE, dispatcher_password)):
            if password is not None:
                connection.execute(
                    sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
                )


def queue_of(function: str) -> str:
    """The name of a function's queue: its own where pgmq can carry it (47 characters, lower case), else shortened."""
    if len(function) <= _LONGEST_QUEUE_NAME and re.fullmatch(r"[a-z0-9_]+", function):
        return function
    mark = hashlib.sha256(function.encode()).hexdigest()[:8]
    readable = re.sub(r"[^a-z0-9_]", "_", function.lower())[: _LONGEST_QUEUE_NAME - len(mark) - 1]
    return f"{readable}_{mark}"


def _wire(connection: psycopg.Connection[Any], table: Wiring) -> None:
    heard = {
        name: function.trigger if isinstance(function.trigger, TopicTrigger) else TopicTrigger(topic=DEAD_LETTERS)
        for name, function in table.functions.items()
        if isinstance(function.trigger, TopicTrigger | DeadLetterTrigger)
    }
    topics = [*table.topics, DEAD_LETTERS]
    for topic in topics:
        connection.execute("insert into bus.topics (name) values (%s) on conflict do nothing", [topic])
    for function, trigger in heard.items():
        queue = queue_of(function)
        connection.execute("select pgmq.create(%s)", [queue])
        connection.execute(
            """
            insert into bus.subscriptions (function, topic, only_types, queue) values (%s, %s, %s, %s)
            on conflict (function) do update set topic = excluded.topic, only_types = excluded.only_types
            """,
            [function, trigger.topic, trigger.only, queue],
        )
    for function, queue in connection.execute(
        "select function, queue from bus.subscriptions where function <> all (%s)", [list(heard)]
    ).fetchall():
        _unsubscribe(connection, function, queue)
    connection.execute("delete from bus.topics where name <> all (%s)", [topics])


def _unsubscribe(connection: psycopg.Connection[Any], function: str, queue: str) -> None:
    table = sql.Identifier("pgmq", f"q_{queue}")
    connection.execute(
        sql.SQL(
            "select bus.bury(%s, msg_id, 'the wiring table no longer wakes this function') from {} order by msg_id"
        ).format(table),
        [function],
    )
    connection.execute("select pgmq.drop_queue(%s)", [queue])
    connection.execute("delete from bus.subscriptions where function = %s", [function])


def _execute_script(connection: psycopg.Connection[Any], script: str) -> None:
    # Without parameters psycopg sends the text in one simple query, which may hold many statements.
    connection.execute(script.encode())
