"""The wire: both versions of Phoenix frames, joins, heartbeats, and what is not a frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
@pytest.mark.parametrize("path", ["/realtime/v1/websocket", "/socket/websocket"])
def test_socket_when_heartbeat_sent_then_answered(connected: Callable[..., Any], version: str, path: str) -> None:
    assert connected(version=version, path=path).ask("phoenix", "heartbeat", {}) == {"status": "ok", "response": {}}


def test_join_when_public_then_ok_and_presence_state_follows(connected: Callable[..., Any]) -> None:
    client = connected()
    reply = client.join("realtime:room", presence={"enabled": True})
    assert reply == {"status": "ok", "response": {"postgres_changes": []}}
    assert client.event("presence_state") == {}


def test_join_when_topic_has_no_prefix_then_refused(connected: Callable[..., Any]) -> None:
    reply = connected().join("room")
    assert reply["status"] == "error"
    assert reply["response"]["reason"].startswith("TopicNameRequired")


def test_join_when_repeated_then_old_channel_is_closed_and_one_copy_delivered(connected: Callable[..., Any]) -> None:
    client, other = connected(), connected()
    client.join("realtime:twice")
    client.join("realtime:twice")
    client.event("phx_close")
    other.join("realtime:twice")
    other.send("realtime:twice", "broadcast", {"type": "broadcast", "event": "e", "payload": {}})
    client.event("broadcast")
    assert client.seen("broadcast") == []


def test_join_when_hundred_channels_are_open_then_one_more_is_refused(connected: Callable[..., Any]) -> None:
    client = connected()
    assert all(client.join(f"realtime:many-{number}")["status"] == "ok" for number in range(100))
    assert "ChannelRateLimitReached" in client.join("realtime:many-100")["response"]["reason"]


def test_leave_when_joined_then_nothing_more_is_heard(connected: Callable[..., Any]) -> None:
    client, other = connected(), connected()
    client.join("realtime:leaving")
    assert client.ask("realtime:leaving", "phx_leave", {})["status"] == "ok"
    other.join("realtime:leaving", broadcast={"ack": True})
    other.ask("realtime:leaving", "broadcast", {"type": "broadcast", "event": "e", "payload": {}})
    assert client.seen("broadcast") == []


def test_push_when_topic_not_joined_then_unmatched_topic(connected: Callable[..., Any]) -> None:
    reply = connected().ask("realtime:never", "broadcast", {"event": "e"})
    assert reply == {"status": "error", "response": {"reason": "unmatched topic"}}


def test_push_when_event_unknown_then_error(connected: Callable[..., Any]) -> None:
    client = connected()
    client.join("realtime:odd")
    assert "UnknownEvent" in client.ask("realtime:odd", "dance", {})["response"]["reason"]


@pytest.mark.parametrize(
    "nonsense",
    ["", "{", "null", "[]", "[1,2,3]", '[null,null,5,"phx_join",{}]', b"", b"\x03", b"\x03\xff\xff\xff\xff\xff\x01"],
)
def test_socket_when_not_a_frame_then_closed_and_server_lives(
    connected: Callable[..., Any], eventually: Callable[..., None], nonsense: str | bytes
) -> None:
    client = connected()
    client.socket.send(nonsense)
    assert client.is_closed.wait(10)
    assert connected().ask("phoenix", "heartbeat", {})["status"] == "ok"


@pytest.mark.parametrize("payload", [None, [], "x", {"config": []}, {"config": {"broadcast": 7, "presence": "x"}}])
def test_join_when_payload_malformed_then_treated_as_plain_join(connected: Callable[..., Any], payload: object) -> None:
    assert connected().ask("realtime:sloppy", "phx_join", payload)["status"] == "ok"
