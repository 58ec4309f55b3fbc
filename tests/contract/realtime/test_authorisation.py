"""Who may come in: tokens, private topics, expiry. Every test is an attack or an end of a right."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from websockets.exceptions import InvalidStatus


def _unsigned(claims: dict[str, Any], algorithm: str) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def _forgeries(token: Callable[..., str], subject: str) -> dict[str, str]:
    good = token(sub=subject)
    header, _, signature = good.split(".")
    claims = {"role": "authenticated", "sub": subject, "exp": time.time() + 3600}
    swapped = _unsigned(claims | {"role": "service_role"}, "HS256").split(".")[1]
    return {
        "alg none": _unsigned(claims, "none"),
        "alg none with a signature": _unsigned(claims, "none") + signature,
        "no signature": _unsigned(claims, "HS256"),
        "another secret": token(sub=subject, secret="somebody-elses-secret-of-enough-length"),
        "claims swapped under a signature": f"{header}.{swapped}.{signature}",
        "expired": token(sub=subject, lifetime=-1),
        "not valid yet": token(sub=subject, nbf=time.time() + 600),
        "no role": token(role="", sub=subject),
        "superuser role": token(role="postgres", sub=subject),
        "role outside the API": token(role="supabase_admin", sub=subject),
        "unknown role": token(role="nobody-such", sub=subject),
        "not a token": "sesame",
    }


FORGERIES = tuple(_forgeries(lambda *_, **__: "a.b.c", ""))


@pytest.mark.parametrize("forgery", [name for name in FORGERIES if "role" not in name or name == "no role"])
def test_connect_when_apikey_forged_then_401(
    connected: Callable[..., Any], token: Callable[..., str], alice: Any, forgery: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connected(key=_forgeries(token, alice.id)[forgery])
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("forgery", FORGERIES)
def test_join_when_token_forged_then_refused_and_nothing_heard(
    connected: Callable[..., Any], token: Callable[..., str], database: psycopg.Connection, alice: Any, forgery: str
) -> None:
    thief, owner = connected(), connected()
    reply = thief.join(alice.topic, _forgeries(token, alice.id)[forgery], private=True)
    assert reply["status"] == "error"
    assert reply["response"]["reason"]
    owner.join(alice.topic, alice.token, private=True)
    database.execute("select realtime.send('{}', 'secret', %s)", [f"user:{alice.id}"])
    owner.event("broadcast")
    assert thief.seen("broadcast") == []


def test_join_when_private_topic_of_another_then_refused_with_reason(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any, bob: Any
) -> None:
    owner, thief = connected(), connected()
    assert owner.join(alice.topic, alice.token, private=True)["status"] == "ok"
    reply = thief.join(alice.topic, bob.token, private=True)
    assert reply["status"] == "error"
    assert "do not have permissions to read" in reply["response"]["reason"]
    database.execute("select realtime.send('{\"a\": 1}', 'secret', %s)", [f"user:{alice.id}"])
    assert owner.event("broadcast")["payload"]["a"] == 1
    assert thief.seen("broadcast") == []


def test_join_when_same_name_is_public_then_private_messages_stay_private(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any, bob: Any
) -> None:
    owner, thief = connected(), connected()
    owner.join(alice.topic, alice.token, private=True, broadcast={"ack": True})
    assert thief.join(alice.topic, bob.token, presence={"enabled": True})["status"] == "ok"
    database.execute("select realtime.send('{}', 'secret', %s)", [f"user:{alice.id}"])
    owner.event("broadcast")
    owner.ask(alice.topic, "broadcast", {"type": "broadcast", "event": "typed", "payload": {}})
    owner.ask(alice.topic, "presence", {"type": "presence", "event": "track", "payload": {"at": "home"}})
    assert thief.seen("broadcast") == []
    assert thief.seen("presence_diff") == []


def test_broadcast_when_public_sender_uses_private_name_then_owner_hears_nothing(
    connected: Callable[..., Any], alice: Any, bob: Any
) -> None:
    owner, thief = connected(), connected()
    owner.join(alice.topic, alice.token, private=True)
    thief.join(alice.topic, bob.token, broadcast={"ack": True})
    assert thief.ask(alice.topic, "broadcast", {"type": "broadcast", "event": "x", "payload": {}})["status"] == "ok"
    assert owner.seen("broadcast") == []


def test_join_when_anonymous_and_private_then_refused(connected: Callable[..., Any], alice: Any) -> None:
    assert connected().join(alice.topic, private=True)["status"] == "error"


def test_broadcast_when_topic_is_read_only_then_refused_and_not_delivered(
    connected: Callable[..., Any], alice: Any, bob: Any
) -> None:
    speaker, listener = connected(), connected()
    speaker.join("realtime:news", alice.token, private=True, broadcast={"ack": True})
    listener.join("realtime:news", bob.token, private=True)
    reply = speaker.ask("realtime:news", "broadcast", {"type": "broadcast", "event": "fake", "payload": {}})
    assert reply["status"] == "error"
    assert "may not send" in reply["response"]["reason"]
    assert listener.seen("broadcast") == []


def test_authorisation_when_tried_then_no_trial_row_is_stored(
    connected: Callable[..., Any], database: psycopg.Connection, alice: Any
) -> None:
    topic = f"user:{alice.id}"
    connected().join(f"realtime:{topic}", alice.token, private=True)
    assert database.execute("select count(*) from realtime.messages where topic = %s", [topic]).fetchone() == (0,)


@pytest.mark.parametrize("name", ["user:' or true --", "user:{}", "news\x00", "user:", "ü" * 300])
def test_join_when_private_topic_is_hostile_text_then_refused(
    connected: Callable[..., Any], alice: Any, name: str
) -> None:
    assert connected().join(f"realtime:{name}", alice.token, private=True)["status"] == "error"


def test_channel_when_token_expires_then_system_error_and_closed(
    connected: Callable[..., Any], token: Callable[..., str], database: psycopg.Connection, alice: Any
) -> None:
    client = connected()
    client.join(alice.topic, token(sub=alice.id, lifetime=1), private=True)
    system = client.event("system")
    assert (system["status"], system["message"]) == ("error", "Token has expired")
    client.event("phx_close", alice.topic)
    database.execute("select realtime.send('{}', 'late', %s)", [f"user:{alice.id}"])
    assert client.seen("broadcast") == []


def test_channel_when_token_renewed_in_time_then_stays_open(
    connected: Callable[..., Any], token: Callable[..., str], database: psycopg.Connection, alice: Any
) -> None:
    client, witness = connected(), connected()
    short = token(sub=alice.id, lifetime=1)
    client.join(alice.topic, short, private=True)
    client.send(alice.topic, "access_token", {"access_token": alice.token})
    witness.join(alice.topic, short, private=True)
    witness.event("phx_close")
    database.execute("select realtime.send('{}', 'still', %s)", [f"user:{alice.id}"])
    assert client.event("broadcast")["event"] == "still"


@pytest.mark.parametrize("forgery", ["alg none", "another secret", "expired", "superuser role"])
def test_channel_when_renewed_with_forged_token_then_closed(
    connected: Callable[..., Any], token: Callable[..., str], alice: Any, forgery: str
) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    client.send(alice.topic, "access_token", {"access_token": _forgeries(token, alice.id)[forgery]})
    assert client.event("system")["status"] == "error"
    client.event("phx_close", alice.topic)


def test_channel_when_renewed_as_another_user_then_closed(connected: Callable[..., Any], alice: Any, bob: Any) -> None:
    client = connected()
    client.join(alice.topic, alice.token, private=True)
    client.send(alice.topic, "access_token", {"access_token": bob.token})
    assert "do not have permissions" in client.event("system")["message"]
    client.event("phx_close", alice.topic)
