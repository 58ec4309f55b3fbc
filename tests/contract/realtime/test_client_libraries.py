"""The real client libraries against the server: supabase-js (protocol 2.0.0) and realtime-py (1.0.0)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from realtime import AsyncRealtimeClient, RealtimePostgresChangesListenEvent, RealtimeSubscribeStates

PATIENCE = 15


def test_supabase_js_when_used_as_the_dashboard_does_then_every_feature_works(
    node_script: Callable[..., list[dict[str, Any]]], token: Callable[..., str], alice: Any, bob: Any
) -> None:
    printed = node_script("supabase_js.mjs", token("anon"), alice.id, alice.token, bob.id, bob.token)
    found = {line["check"]: line["found"] for line in printed}
    refusal = f"Unauthorized: You do not have permissions to read from this Channel topic: user:{alice.id}"
    assert found == {
        "private": ["SUBSCRIBED", None],
        "database broadcast": {"event": "tick", "price": "1.10", "hasId": True},
        "theft": ["CHANNEL_ERROR", refusal],
        "send": "ok",
        "echo": {"ü": [1, 2]},
        "bytes": [0, 1, 255],
        "changes": ["SUBSCRIBED", None],
        "change": {"eventType": "INSERT", "id": 900001, "amount": 1.5, "done": True, "tags": ["a", "b"]},
        "only own row": 900002,
        "track": ["ok", "ok"],
        "presence": ["alice", "bob"],
        "http": {"success": True},
        "posted": {"n": 1},
        "http theft": f"Unauthorized: may not send on topic: user:{alice.id}",
    }


@pytest.fixture
async def python_client(realtime: Any, token: Callable[..., str], alice: Any) -> AsyncIterator[AsyncRealtimeClient]:
    client = AsyncRealtimeClient(f"{realtime.url}/realtime/v1", token("anon"))
    await client.connect()
    await client.set_auth(alice.token)
    yield client
    await client.close()


async def test_realtime_py_when_subscribed_then_broadcast_and_own_rows_arrive(
    python_client: AsyncRealtimeClient, database: psycopg.Connection, alice: Any, bob: Any
) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    states: list[RealtimeSubscribeStates] = []
    config: Any = {"config": {"private": True, "broadcast": {"ack": False, "self": False}, "presence": None}}
    channel = python_client.channel(f"user:{alice.id}", config)
    channel.on_broadcast("tick", heard.put_nowait)
    channel.on_postgres_changes(RealtimePostgresChangesListenEvent.Insert, heard.put_nowait, "notes", "public")
    await channel.subscribe(lambda state, _: states.append(state))
    assert states == [RealtimeSubscribeStates.SUBSCRIBED]
    database.execute("select realtime.send('{\"n\": 1}', 'tick', %s)", [f"user:{alice.id}"])
    tick = await asyncio.wait_for(heard.get(), PATIENCE)
    assert (tick["event"], tick["payload"]["n"]) == ("tick", 1)
    database.execute(
        "insert into notes (id, owner, body) values (900101, %s, 'hers'), (900102, %s, 'his')", [bob.id, alice.id]
    )
    change = await asyncio.wait_for(heard.get(), PATIENCE)
    assert change["data"]["record"]["id"] == 900102
    assert heard.empty()


async def test_realtime_py_when_topic_is_anothers_then_channel_error(
    python_client: AsyncRealtimeClient, bob: Any
) -> None:
    states: list[RealtimeSubscribeStates] = []
    config: Any = {"config": {"private": True, "broadcast": None, "presence": None}}
    channel = python_client.channel(f"user:{bob.id}", config)
    await channel.subscribe(lambda state, _: states.append(state))
    assert states == [RealtimeSubscribeStates.CHANNEL_ERROR]
    await channel.unsubscribe()
