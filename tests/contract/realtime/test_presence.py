"""Presence: who is here, told to everybody who asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _track(client: Any, topic: str, **payload: Any) -> Any:
    return client.ask(topic, "presence", {"type": "presence", "event": "track", "payload": payload})


def test_track_when_others_are_here_then_all_get_the_diff_and_latecomers_the_state(
    connected: Callable[..., Any],
) -> None:
    first, second, late = connected(), connected(version="1.0.0"), connected()
    topic = "realtime:who"
    first.join(topic, presence={"enabled": True, "key": "ann"})
    second.join(topic, presence={"enabled": True, "key": "ben"})
    assert _track(first, topic, mood="fine")["status"] == "ok"
    for client in (first, second):
        (meta,) = client.event("presence_diff")["joins"]["ann"]["metas"]
        assert meta["mood"] == "fine"
    late.join(topic, presence={"enabled": True, "key": "cem"})
    state = late.event("presence_state")
    assert list(state) == ["ann"]
    assert state["ann"]["metas"] == [meta]


def test_track_when_repeated_then_new_meta_replaces_the_old(connected: Callable[..., Any]) -> None:
    client = connected()
    client.join("realtime:mood", presence={"enabled": True, "key": "ann"})
    _track(client, "realtime:mood", mood="fine")
    first = client.event("presence_diff")["joins"]["ann"]["metas"][0]
    _track(client, "realtime:mood", mood="better")
    diff = client.event("presence_diff")
    assert diff["leaves"]["ann"]["metas"] == [first]
    assert diff["joins"]["ann"]["metas"][0]["phx_ref_prev"] == first["phx_ref"]


def test_untrack_when_tracked_then_leave_is_told(connected: Callable[..., Any]) -> None:
    client = connected()
    client.join("realtime:out", presence={"enabled": True, "key": "ann"})
    _track(client, "realtime:out")
    client.event("presence_diff")
    client.ask("realtime:out", "presence", {"type": "presence", "event": "untrack"})
    diff = client.event("presence_diff")
    assert (diff["joins"], list(diff["leaves"])) == ({}, ["ann"])


def test_presence_when_socket_closes_then_leave_is_told(connected: Callable[..., Any]) -> None:
    stays, goes = connected(), connected()
    for client, key in ((stays, "ann"), (goes, "ben")):
        client.join("realtime:gone", presence={"enabled": True, "key": key})
    _track(goes, "realtime:gone")
    stays.event("presence_diff")
    goes.socket.close()
    assert list(stays.event("presence_diff")["leaves"]) == ["ben"]


def test_presence_when_two_tabs_share_a_key_then_one_leaving_keeps_the_other(connected: Callable[..., Any]) -> None:
    tab, other_tab, late = connected(), connected(), connected()
    for client in (tab, other_tab):
        client.join("realtime:tabs", presence={"enabled": True, "key": "ann"})
        _track(client, "realtime:tabs")
    tab.ask("realtime:tabs", "phx_leave", {})
    late.join("realtime:tabs", presence={"enabled": True})
    assert len(late.event("presence_state")["ann"]["metas"]) == 1


def test_presence_when_not_enabled_then_no_diffs_come(connected: Callable[..., Any]) -> None:
    quiet, busy = connected(), connected()
    quiet.join("realtime:calm")
    busy.join("realtime:calm", presence={"enabled": True})
    _track(busy, "realtime:calm")
    busy.event("presence_diff")
    assert quiet.seen("presence_diff") == []


def test_presence_when_event_unknown_then_error(connected: Callable[..., Any]) -> None:
    client = connected()
    client.join("realtime:strange", presence={"enabled": True})
    reply = client.ask("realtime:strange", "presence", {"event": "jump"})
    assert "UnknownPresenceEvent" in reply["response"]["reason"]


def test_presence_when_policy_allows_it_then_private_channel_is_seen(
    connected: Callable[..., Any], alice: Any, bob: Any
) -> None:
    first, second = connected(), connected()
    first.join("realtime:news", alice.token, private=True, presence={"enabled": True, "key": "alice"})
    second.join("realtime:news", bob.token, private=True, presence={"enabled": True, "key": "bob"})
    assert _track(first, "realtime:news")["status"] == "ok"
    assert "alice" in second.event("presence_diff")["joins"]


def test_presence_when_key_is_a_prototype_name_then_kept_as_any_other(connected: Callable[..., Any]) -> None:
    client, late = connected(), connected()
    client.join("realtime:proto", presence={"enabled": True, "key": "__proto__"})
    _track(client, "realtime:proto", a=1)
    assert "__proto__" in client.event("presence_diff")["joins"]
    late.join("realtime:proto", presence={"enabled": True})
    assert late.event("presence_state")["__proto__"]["metas"][0]["a"] == 1
