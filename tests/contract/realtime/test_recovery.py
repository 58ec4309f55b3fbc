"""The server as a process: a taken port, an orderly end, and Postgres going away under it."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest


def test_start_when_port_is_taken_then_exit_3_with_a_sentence(realtime: Any) -> None:
    done = subprocess.run(realtime.command, env=realtime.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert str(realtime.port) in done.stderr
    assert "not free" in done.stderr


@pytest.mark.parametrize("missing", ["AGENTTRADER_DATABASE_URL", "AGENTTRADER_JWT_SECRET"])
def test_start_when_a_setting_is_missing_then_exit_2_naming_it(realtime: Any, missing: str) -> None:
    environment = {name: value for name, value in realtime.environment.items() if name != missing}
    done = subprocess.run(realtime.command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert missing in done.stderr


def test_sigterm_when_clients_are_connected_then_clean_exit_and_slot_is_gone(
    own_realtime: Any, phoenix: Any, alice: Any, database: psycopg.Connection, eventually: Callable[..., None]
) -> None:
    slots = "select count(*) from pg_replication_slots where slot_name like 'realtime_%' and active"
    before = database.execute(slots.encode()).fetchone()
    assert before is not None
    with phoenix(own_realtime) as client:
        client.join(alice.topic, alice.token, private=True)
        assert own_realtime.stop() == 0
        assert client.is_closed.wait(10)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", own_realtime.port)) != 0
    eventually(lambda: database.execute(slots.encode()).fetchone() == (before[0] - 1,))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_postgres_when_restarted_then_clients_are_told_and_a_new_join_hears_again(
    postgres: Any, own_realtime: Any, phoenix: Any, alice: Any, how: signal.Signals
) -> None:
    topic = f"user:{alice.id}"
    with phoenix(own_realtime) as client:
        client.join(alice.topic, alice.token, private=True)
        postgres.stop(how)
        assert client.event("system")["status"] == "error"
        assert httpx.get(f"{own_realtime.url}/health").status_code == 503
        assert "try again" in client.join("realtime:other", alice.token, private=True)["response"]["reason"]
        postgres.start()
        assert "snapshot" in client.event("phx_error", alice.topic)["reason"]
        assert client.join(alice.topic, alice.token, private=True)["status"] == "ok"
        with psycopg.connect(postgres.dsn, autocommit=True) as database:
            database.execute("select realtime.send('{}', 'back', %s)", [topic])
        assert client.event("broadcast")["event"] == "back"
        assert httpx.get(f"{own_realtime.url}/health").status_code == 200


def test_walsender_when_killed_then_streaming_resumes(
    own_realtime: Any, phoenix: Any, alice: Any, database: psycopg.Connection
) -> None:
    with phoenix(own_realtime) as client:
        client.join(alice.topic, alice.token, private=True)
        database.execute("select pg_terminate_backend(pid) from pg_stat_replication")
        client.event("phx_error", alice.topic)
        client.join(alice.topic, alice.token, private=True)
        database.execute("select realtime.send('{}', 'again', %s)", [f"user:{alice.id}"])
        assert client.event("broadcast")["event"] == "again"


def test_messages_when_older_than_kept_then_pruned_at_start(
    database: psycopg.Connection, own_realtime: Any, eventually: Callable[..., None]
) -> None:
    own_realtime.stop()
    database.execute(
        "insert into realtime.messages (topic, extension, inserted_at)"
        " values ('old', 'broadcast', now() - interval '25 hours'), ('new', 'broadcast', now() - interval '23 hours')"
    )
    own_realtime.start()
    remaining = "select topic from realtime.messages where topic in ('old', 'new')"
    eventually(lambda: database.execute(remaining).fetchall() == [("new",)])
