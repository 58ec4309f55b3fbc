"""Broadcasts: from client to client, from the database, over HTTP."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest


def _message(event: str, payload: object) -> dict[str, Any]:
    return {"type": "broadcast", "event": event, "payload": payload}


def test_broadcast_when_self_is_off_then_others_hear_it_and_sender_does_not(connected: Callable[..., Any]) -> None:
    sender, listener = connected(), connected(version="1.0.0")
    sender.join("realtime:talk", broadcast={"ack": True})
    listener.join("realtime:talk")
    assert sender.ask("realtime:talk", "broadcast", _message("hi", {"n": 1}))["status"] == "ok"
    assert listener.event("broadcast") == _message("hi", {"n": 1})
    assert sender.seen("broadcast") == []


def test_broadcast_when_self_is_on_then_sender_hears_it(connected: Callable[..., Any]) -> None:
    sender = connected()
    sender.join("realtime:echo", broadcast={"self": True})
    sender.send("realtime:echo", "broadcast", _message("hi", [1, "ü"]))
    assert sender.event("broadcast") == _message("hi", [1, "ü"])


def test_broadcast_when_ack_is_off_then_no_reply(connected: Callable[..., Any]) -> None:
    sender = connected()
    sender.join("realtime:quiet")
    sender.send("realtime:quiet", "broadcast", _message("hi", {}))
    assert sender.seen("phx_reply") == []


def test_broadcast_when_pushed_as_binary_frame_then_delivered_in_each_version(connected: Callable[..., Any]) -> None:
    sender, modern, old = connected(), connected(), connected(version="1.0.0")
    for client in (sender, modern, old):
        client.join("realtime:binär")
    topic, event, ref = "realtime:binär".encode(), b"tick", b"9"

    def push(encoding: int, body: bytes) -> bytes:
        return struct.pack("7B", 3, 0, len(ref), len(topic), len(event), 0, encoding) + ref + topic + event + body

    sender.socket.send(push(1, json.dumps({"price": "1.10"}).encode()))
    assert modern.event("broadcast") == _message("tick", {"price": "1.10"})
    assert old.event("broadcast") == _message("tick", {"price": "1.10"})
    sender.socket.send(push(0, b"\x00\x01\xff"))
    header = struct.pack("5B", 4, len(topic), len(event), 0, 0)
    assert modern.event("binary") == header + topic + event + b"\x00\x01\xff"
    assert old.seen("broadcast") == []


def test_send_when_transaction_commits_then_private_subscriber_hears_id_and_payload(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    database.execute("select realtime.send('{\"price\": \"1.10\"}', 'tick', %s)", [f"user:{alice.id}"])
    heard = client.event("broadcast")
    row = database.execute("select id::text from realtime.messages where topic = %s", [f"user:{alice.id}"]).fetchone()
    assert row is not None
    assert heard["event"] == "tick"
    assert heard["payload"] == {"price": "1.10", "id": row[0]}
    assert heard["meta"] == {"id": row[0]}


def test_send_when_payload_exceeds_notify_limit_then_arrives_whole(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    database.execute(
        "select realtime.send(jsonb_build_object('t', repeat('ü', 500000)), 'big', %s)", [f"user:{alice.id}"]
    )
    assert client.event("broadcast")["payload"]["t"] == "ü" * 500_000


def test_send_when_transaction_rolls_back_then_nothing_is_heard(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    topic = f"user:{alice.id}"
    with database.transaction(force_rollback=True):
        database.execute("select realtime.send('{}', 'undone', %s)", [topic])
    database.execute("select realtime.send('{}', 'done', %s)", [topic])
    assert client.event("broadcast")["event"] == "done"
    assert client.seen("broadcast") == []


def test_send_when_many_are_committed_then_all_arrive_in_order(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    database.execute(
        "select realtime.send(jsonb_build_object('n', n), 'n', %s) from generate_series(1, 500) as n",
        [f"user:{alice.id}"],
    )
    assert [client.event("broadcast")["payload"]["n"] for _ in range(500)] == list(range(1, 501))


def test_send_when_public_then_private_channel_hears_nothing(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    private, public = connected(), connected()
    private.join(alice.topic, alice.token, private=True)
    public.join(alice.topic)
    database.execute("select realtime.send('{}', 'open', %s, false)", [f"user:{alice.id}"])
    assert public.event("broadcast")["event"] == "open"
    assert private.seen("broadcast") == []


def test_send_when_insert_is_refused_then_callers_transaction_lives(database: psycopg.Connection, alice: Any) -> None:
    with database.transaction():
        database.execute("set local role authenticated")
        database.execute("select realtime.send('{}', 'x', %s)", [f"user:{alice.id}"])
        assert database.execute("select current_user").fetchone() == ("authenticated",)
    count = database.execute("select count(*) from realtime.messages where topic = %s", [f"user:{alice.id}"])
    assert count.fetchone() == (0,)


def test_broadcast_changes_when_trigger_fires_then_record_and_old_record_are_told(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    with database.transaction():
        database.execute("select set_config('test.topic', %s, true)", [f"user:{alice.id}"])
        database.execute(
            """
            create temporary table watched (id int, body text) on commit drop;
            create function pg_temp.tell() returns trigger language plpgsql as $$ begin
                perform realtime.broadcast_changes(
                    current_setting('test.topic'), tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
                return null;
            end $$;
            create trigger tell after insert or update or delete on watched
                for each row execute function pg_temp.tell();
            insert into watched values (1, 'a');
            update watched set body = 'b';
            delete from watched;
            """
        )
    inserted, updated, deleted = (client.event("broadcast")["payload"] for _ in range(3))
    assert (inserted["record"], inserted["old_record"]) == ({"id": 1, "body": "a"}, None)
    assert (updated["record"], updated["old_record"]) == ({"id": 1, "body": "b"}, {"id": 1, "body": "a"})
    assert (deleted["record"], deleted["old_record"]) == (None, {"id": 1, "body": "b"})
    assert {event["operation"] for event in (inserted, updated, deleted)} == {"INSERT", "UPDATE", "DELETE"}


def test_join_when_replay_asked_then_earlier_messages_come_marked(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    topic = f"user:{alice.id}"
    for number in range(3):
        database.execute("select realtime.send(%s, 'past', %s)", [json.dumps({"n": number}), topic])
    client = connected()
    client.join(alice.topic, alice.token, private=True, broadcast={"replay": {"since": 0, "limit": 2}})
    heard = [client.event("broadcast") for _ in range(2)]
    assert [message["payload"]["n"] for message in heard] == [1, 2]
    assert all(message["meta"]["replayed"] for message in heard)


# --- over HTTP -------------------------------------------------------------------------------------------------------


def _post(realtime: Any, path: str, token: str | None, **how: Any) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{realtime.url}{path}", headers=headers | how.pop("headers", {}), **how)


def _batch(*topics: str, private: bool = True) -> dict[str, Any]:
    return {"messages": [{"topic": topic, "event": "e", "payload": {"a": 1}, "private": private} for topic in topics]}


@pytest.mark.parametrize("prefix", ["/realtime/v1/api/broadcast", "/api/broadcast"])
def test_rest_when_allowed_then_202_and_delivered(
    connected: Callable[..., Any], realtime: Any, alice: Any, prefix: str
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    assert _post(realtime, prefix, alice.token, json=_batch(f"user:{alice.id}")).status_code == 202
    assert client.event("broadcast") == _message("e", {"a": 1})


def test_rest_when_one_topic_is_forbidden_then_403_and_none_is_sent(
    connected: Callable[..., Any], realtime: Any, alice: Any, bob: Any
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    own_and_foreign = _batch(f"user:{alice.id}", f"user:{bob.id}")
    answer = _post(realtime, "/api/broadcast", alice.token, json=own_and_foreign)
    assert answer.status_code == 403
    assert "may not send" in answer.json()["message"]
    assert client.seen("broadcast") == []


def test_rest_when_single_message_address_used_then_delivered(
    connected: Callable[..., Any], realtime: Any, token: Callable[..., str]
) -> None:
    client = connected()
    client.join("realtime:a/b c")
    answer = _post(realtime, "/realtime/v1/api/broadcast/a%2Fb%20c/events/t%20k", token("anon"), json={"n": 1})
    assert answer.status_code == 202
    assert client.event("broadcast") == _message("t k", {"n": 1})


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 422), (b"[]", 422), (b'{"messages": [{"topic": 1}]}', 422), (b"x" * (3 * 1024 * 1024 + 1), 413)],
)
def test_rest_when_body_is_bad_then_said_so(
    realtime: Any, token: Callable[..., str], content: bytes, status: int
) -> None:
    answer = _post(realtime, "/api/broadcast", token("anon"), content=content)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_rest_when_token_missing_or_forged_then_401(realtime: Any, token: Callable[..., str]) -> None:
    forged = token(secret="somebody-elses-secret-of-enough-length")
    assert _post(realtime, "/api/broadcast", None, json=_batch("x")).status_code == 401
    assert _post(realtime, "/api/broadcast", forged, json=_batch("x")).status_code == 401


def test_rest_when_path_unknown_then_404(realtime: Any, token: Callable[..., str]) -> None:
    assert _post(realtime, "/api/nothing", token("anon")).status_code == 404


def test_health_when_streaming_then_200(realtime: Any) -> None:
    answer = httpx.get(f"{realtime.url}/health")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
