"""The account streamer, by the SDK's own client and by a raw socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from tastytrade import AlertStreamer
from tastytrade.account import AccountBalance, CurrentPosition
from tastytrade.order import OrderStatus, PlacedOrder
from tastytrade.streamer import SubscriptionType
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.contract.tastytrade_simulator.running import ALICE, BOB, WITHIN_SECONDS, Running, market
from tests.unit.core.doubles import until


@asynccontextmanager
async def listening(running: Running, name: str = "alice", number: str = ALICE) -> AsyncIterator[ClientConnection]:
    """A raw socket whose connect was acknowledged."""
    async with connect(running.socket_url) as socket:
        token = await asyncio.to_thread(running.token, name)
        await say(socket, token, "connect", value=[number])
        answer = await heard(socket)
        assert (answer["status"], answer["value"], answer["request-id"]) == ("ok", [number], 1)
        yield socket


async def say(socket: ClientConnection, token: str, action: str, **more: Any) -> None:
    await socket.send(json.dumps({"auth-token": f"Bearer {token}", "action": action, "request-id": 1, **more}))


async def heard(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), WITHIN_SECONDS))


async def bought(running: Running, name: str | None = None) -> None:
    async with running.account() as (session, account):
        await account.place_order(session, market(1, name=name), dry_run=False)


async def test_sdk_streamer_when_an_order_fills_then_every_snapshot_is_read_by_its_model(opened: Running) -> None:
    async with opened.account() as (session, account):
        streamer = AlertStreamer(session)
        streamer.base_url = opened.socket_url
        async with streamer, asyncio.timeout(WITHIN_SECONDS):
            await streamer.subscribe_accounts([account])
            await streamer._subscribe(SubscriptionType.HEARTBEAT)
            answer = await account.place_order(session, market(1), dry_run=False)
            statuses = []
            async for order in streamer.listen(PlacedOrder):
                assert order.id == answer.order.id
                statuses.append(order.status)
                if order.status is OrderStatus.FILLED:
                    assert order.legs[0].fills
                    break
            assert statuses == [OrderStatus.ROUTED, OrderStatus.IN_FLIGHT, OrderStatus.LIVE, OrderStatus.FILLED]
            async for position in streamer.listen(CurrentPosition):
                assert (str(position.quantity), position.quantity_direction) == ("1", "Long")
                break
            async for balance in streamer.listen(AccountBalance):
                assert balance.cash_balance < 100_000
                break


async def test_messages_when_they_follow_each_other_then_their_times_rise(opened: Running) -> None:
    async with listening(opened) as socket:
        await bought(opened)
        messages = [await heard(socket) for _ in range(6)]
        assert [message["type"] for message in messages] == [*["Order"] * 4, "CurrentPosition", "AccountBalance"]
        times = [message["timestamp"] for message in messages]
        assert times == sorted(set(times))
        assert [message["data"]["updated-at"] for message in messages[:4]] == times[:4]
        stamped = opened.get("/control/state")["positions"]["trade-updates"][ALICE]
        assert stamped.endswith(f"{times[3] % 1000:03d}000Z")


async def test_connect_when_the_account_or_token_is_anothers_then_it_fails(opened: Running) -> None:
    async with connect(opened.socket_url) as socket:
        token = await asyncio.to_thread(opened.token)
        await say(socket, token, "connect", value=[BOB])
        assert (await heard(socket))["message"] == "failed"
        await say(socket, token, "heartbeat")
        assert (await heard(socket))["message"] == "connect-not-completed"
        await say(socket, "nobody", "connect", value=[ALICE])
        assert (await heard(socket))["status"] == "error"


async def test_stream_when_no_heartbeat_comes_then_it_is_closed(opened: Running) -> None:
    opened.fault("impatient_stream", 1, milliseconds=50)
    # On a slow machine it is closed before the greetings are over.
    with pytest.raises(ConnectionClosed):
        async with listening(opened) as socket:
            await heard(socket)


async def test_drop_stream_when_on_then_what_happens_meanwhile_is_missed(opened: Running) -> None:
    async with listening(opened) as socket:
        opened.fault("drop_stream")
        await bought(opened, "missed")
        with pytest.raises(ConnectionClosed):
            await heard(socket)
    async with connect(opened.socket_url) as socket:
        with pytest.raises(ConnectionClosed):
            await heard(socket)
    async with listening(opened) as socket:
        await bought(opened, "heard")
        assert (await heard(socket))["data"]["external-identifier"] == "heard"


async def test_positions_when_nobody_hears_a_message_then_they_are_those_that_the_lists_can_reach(
    opened: Running,
) -> None:
    """Who missed a message compares the lists, by a clock of whole seconds, and in lock-step that one stands still."""

    def position() -> datetime:
        return datetime.fromisoformat(opened.get("/control/state")["positions"]["trade-updates"][ALICE])

    await bought(opened, "missed")
    assert position().microsecond == 0
    async with listening(opened) as socket:
        assert position().microsecond == 0
        await bought(opened, "heard")
        await heard(socket)
        exact = position()
        assert exact.microsecond > 0
    # The server hears of the closed socket by itself.
    await until(lambda: position() == exact.replace(microsecond=0))
