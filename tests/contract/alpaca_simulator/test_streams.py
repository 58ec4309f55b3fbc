"""Both websockets through the unmodified SDK, and their protocols where the SDK does not reach."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from alpaca.trading.enums import OrderSide
from websockets.asyncio.client import ClientConnection, connect

from tests.contract.alpaca_simulator.running import ALICE, Heard, Running, beside, in_thread, limit, market, raw

PACKED = {"Content-Type": "application/msgpack"}


async def listening(running: Running, socket: ClientConnection, name: str = "alice") -> None:
    """Authenticates on `/stream` and listens to trade updates."""
    keys = {"key_id": name, "secret_key": f"{name}-secret"}
    await socket.send(json.dumps({"action": "authenticate", "data": keys}))
    assert json.loads(await socket.recv())["data"]["status"] == "authorized"
    await socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
    assert json.loads(await socket.recv()) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
    assert running.url


async def packed(socket: ClientConnection) -> Any:
    return msgpack.unpackb(await socket.recv(), timestamp=3)


async def test_trade_stream_when_orders_live_then_every_change_comes_once_and_in_order(opened: Running) -> None:
    stream, heard = opened.trade_stream(), Heard()
    stream.subscribe_trade_updates(heard.take)

    async def trade() -> list[dict[str, Any]]:
        client = opened.trading()
        await in_thread(lambda: _until_listening(opened))
        await in_thread(lambda: client.submit_order(market(10, client_order_id="one")))
        await in_thread(lambda: client.submit_order(limit(10, 200.0, client_order_id="two")))
        await in_thread(client.cancel_orders)
        await in_thread(lambda: client.submit_order(limit(4, 500.0, OrderSide.SELL, client_order_id="three")))
        await in_thread(opened.advance_to_close)
        return await heard.until(lambda messages: messages[-1:] != [] and messages[-1]["data"]["event"] == "expired")

    messages = [message["data"] for message in await beside(stream, trade)]
    assert [(message["event"], message["order"]["client_order_id"]) for message in messages] == [
        ("new", "one"),
        ("fill", "one"),
        ("new", "two"),
        ("canceled", "two"),
        ("new", "three"),
        ("expired", "three"),
    ]
    fill = messages[1]
    assert (fill["qty"], fill["position_qty"], fill["order"]["status"]) == ("10", "10", "filled")
    assert fill["execution_id"] != fill["order"]["id"]
    assert "execution_id" not in messages[0]
    times = [message["timestamp"] for message in messages]
    assert times == sorted(set(times))
    assert times[-1] == opened.get("/control/state")["positions"]["trade-updates"][ALICE]


def _until_listening(running: Running) -> None:
    """The stream is an outside client of the same process; the hub knows when it listens."""
    deadline = 2000
    while not running.simulator.trades._listeners.get(ALICE) and deadline:
        running.get("/control/state")
        deadline -= 1
    assert deadline


async def test_trade_stream_when_another_account_trades_then_nothing_is_heard(opened: Running) -> None:
    async with connect(f"{opened.socket_url}/stream") as socket:
        await listening(opened, socket, "bob")
        await in_thread(lambda: opened.trading("alice").submit_order(market(10)))
        await in_thread(lambda: opened.trading("bob").submit_order(market(1, client_order_id="mine")))
        first = json.loads(await socket.recv())
        assert first["data"]["order"]["client_order_id"] == "mine"
        assert isinstance(await socket.recv(), bytes)


async def test_trade_stream_when_an_order_is_replaced_then_the_old_ends_before_the_new_begins(
    opened: Running,
) -> None:
    async with connect(f"{opened.socket_url}/stream") as socket:
        await listening(opened, socket)
        client = opened.trading()
        old = raw(await in_thread(lambda: client.submit_order(limit(10, 200.0))))
        new = await in_thread(lambda: client.patch(f"/orders/{old['id']}", {"limit_price": 201.0}))
        assert isinstance(new, dict)
        events = [json.loads(await socket.recv())["data"] for _ in range(3)]
        assert [(event["event"], event["order"]["id"]) for event in events] == [
            ("new", old["id"]),
            ("replaced", old["id"]),
            ("new", new["id"]),
        ]
        assert events[1]["order"]["replaced_by"] == new["id"]


@pytest.mark.parametrize(
    "message", ["{", "[]", '{"action": "fly"}', '{"action": "listen", "data": {"streams": ["trade_updates"]}}']
)
async def test_trade_stream_when_a_message_is_wrong_then_it_is_answered_and_nothing_leaks(
    message: str, opened: Running
) -> None:
    async with connect(f"{opened.socket_url}/stream") as socket:
        await socket.send(message)
        answer = json.loads(await socket.recv())
        assert answer["stream"] in ("error", "authorization")
        await listening(opened, socket)


async def test_trade_stream_when_the_key_is_wrong_then_it_is_unauthorized(opened: Running) -> None:
    async with connect(f"{opened.socket_url}/stream") as socket:
        await socket.send(json.dumps({"action": "authenticate", "data": {"key_id": "alice", "secret_key": "no"}}))
        assert json.loads(await socket.recv())["data"]["status"] == "unauthorized"


async def test_data_stream_when_the_sdk_subscribes_then_quotes_trades_and_bars_come_in_tape_order(
    alpaca: Running,
) -> None:
    stream, heard = alpaca.data_stream(), Heard()
    stream.subscribe_quotes(heard.take, "SPY")
    stream.subscribe_trades(heard.take, "SPY")
    stream.subscribe_bars(heard.take, "SPY")

    async def play() -> list[dict[str, Any]]:
        await in_thread(lambda: _until_subscribed(alpaca))
        await in_thread(lambda: alpaca.advance(3))
        return await heard.until(lambda messages: sum(message["T"] == "b" for message in messages) == 2)

    messages = await beside(stream, play)
    assert "".join(message["T"] for message in messages) == "qtqtqtqtb" * 2
    bar = messages[8]
    assert (bar["S"], bar["o"]) == ("SPY", 274.11)
    assert bar["t"].to_datetime() == datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
    prices = [message["p"] for message in messages[:8] if message["T"] == "t"]
    assert (bar["o"], bar["h"], bar["l"], bar["c"]) == (prices[0], max(prices), min(prices), prices[-1])
    assert alpaca.get("/control/state")["positions"]["market-data"] == {"SPY": "2018-02-05T14:32:00.000000Z"}


def _until_subscribed(running: Running) -> None:
    deadline = 2000
    while deadline and not any(one.hears("bars", "SPY") for one in running.simulator.data._subscribers.values()):
        running.get("/control/state")
        deadline -= 1
    assert deadline


async def test_data_stream_when_a_second_connection_comes_then_it_is_told_406(alpaca: Running) -> None:
    login = msgpack.packb({"action": "auth", "key": "data", "secret": "data-secret"})
    url = f"{alpaca.socket_url}/v2/iex"
    async with connect(url, additional_headers=PACKED) as first:
        assert await packed(first) == [{"T": "success", "msg": "connected"}]
        await first.send(login)
        assert await packed(first) == [{"T": "success", "msg": "authenticated"}]
        async with connect(url, additional_headers=PACKED) as second:
            await packed(second)
            await second.send(login)
            assert await packed(second) == [{"T": "error", "code": 406, "msg": "connection limit exceeded"}]
        await first.send(login)
        assert (await packed(first))[0]["code"] == 403


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (msgpack.packb({"action": "subscribe", "bars": ["SPY"]}), 401),
        (msgpack.packb({"action": "auth", "key": "data", "secret": "wrong"}), 402),
        (msgpack.packb({"action": "fly"}), 400),
        (msgpack.packb([1]), 400),
        (b"\xc1", 400),
        (b"", 400),
    ],
)
async def test_data_stream_when_a_message_is_wrong_then_its_code_comes(
    message: bytes, code: int, alpaca: Running
) -> None:
    async with connect(f"{alpaca.socket_url}/v2/iex", additional_headers=PACKED) as socket:
        await packed(socket)
        await socket.send(message)
        assert (await packed(socket))[0]["code"] == code


async def test_data_stream_when_the_client_speaks_json_then_times_are_text(alpaca: Running) -> None:
    async with connect(f"{alpaca.socket_url}/v2/iex") as socket:
        assert json.loads(await socket.recv())[0]["msg"] == "connected"
        await socket.send(json.dumps({"action": "auth", "key": "data", "secret": "data-secret"}))
        await socket.recv()
        await socket.send(json.dumps({"action": "subscribe", "bars": ["*"], "dailyBars": ["SPY"]}))
        assert json.loads(await socket.recv())[0]["bars"] == ["*"]
        await in_thread(lambda: alpaca.advance(2))
        assert json.loads(await socket.recv())[0]["t"] == "2018-02-05T14:30:00.000000Z"
        await socket.send(json.dumps({"action": "unsubscribe", "bars": ["*"]}))
        assert json.loads(await socket.recv())[0]["bars"] == []
        await in_thread(alpaca.advance_to_close)
        async with asyncio.timeout(10):
            assert json.loads(await socket.recv())[0]["T"] == "d"
