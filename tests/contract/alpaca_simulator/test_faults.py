"""Each fault does what its name says, to the SDK that will meet it."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.contract.alpaca_simulator.running import ALICE, Running, in_thread, limit, market, raw
from tests.contract.alpaca_simulator.test_streams import PACKED, listening, packed


def orders_of(running: Running) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = running.get("/control/book")["accounts"][ALICE]["orders"]
    return rows


def impatient(client: TradingClient) -> TradingClient:
    """The SDK sets no time limit; this is how an adapter adds one."""
    plain = client._session.request

    def request(*given: Any, **more: Any) -> requests.Response:
        return plain(*given, **{"timeout": 0.3, **more})

    client._session.request = request  # type: ignore[method-assign]
    return client


@pytest.mark.parametrize(
    ("switch", "raised", "exists"),
    [
        ("timeout_after_accept", requests.Timeout, True),
        ("reset_before_accept", requests.ConnectionError, False),
        ("reset_after_accept", requests.ConnectionError, True),
        ("error_504_after_accept", APIError, True),
        ("reject_429", APIError, False),
    ],
)
def test_submit_when_a_fault_is_on_then_the_order_exists_or_not_and_the_next_works(
    switch: str, raised: type[Exception], exists: bool, opened: Running
) -> None:
    opened.fault(switch)
    client = impatient(opened.trading())
    with pytest.raises(raised) as caught:
        client.submit_order(market(1, client_order_id="unsure"))
    if isinstance(caught.value, APIError):
        assert caught.value.status_code == {"error_504_after_accept": 504, "reject_429": 429}[switch]
    assert [order["client_order_id"] for order in orders_of(opened)] == (["unsure"] if exists else [])
    assert opened.get("/control/faults") == {"on": []}
    client.submit_order(market(1, client_order_id="sure"))


def test_fault_when_it_is_for_another_account_or_route_then_it_waits_for_that_one(opened: Running) -> None:
    opened.fault("reject_429", account_id="22222222-2222-4222-8222-222222222222")
    opened.fault("reject_429", method="DELETE", path="/v2/orders/")
    alice, bob = opened.trading(), opened.trading("bob")
    order = raw(alice.submit_order(limit(1, 200.0)))
    with pytest.raises(APIError):
        bob.submit_order(market(1))
    with pytest.raises(APIError):
        alice.cancel_order_by_id(order["id"])
    alice.cancel_order_by_id(order["id"])


async def test_fill_before_response_when_on_then_the_answer_comes_after_the_fill(opened: Running) -> None:
    opened.fault("fill_before_response")
    async with connect(f"{opened.socket_url}/stream") as socket:
        await listening(opened, socket)
        answer = raw(await in_thread(lambda: opened.trading().submit_order(market(1))))
        assert answer["status"] == "filled"
        assert [json.loads(await socket.recv())["data"]["event"] for _ in range(2)] == ["new", "fill"]


async def test_duplicate_stream_event_when_on_then_the_update_comes_twice(opened: Running) -> None:
    opened.fault("duplicate_stream_event", 2)
    async with connect(f"{opened.socket_url}/stream") as socket:
        await listening(opened, socket)
        await in_thread(lambda: opened.trading().submit_order(market(1)))
        messages = [await socket.recv() for _ in range(4)]
        assert (messages[0], messages[2]) == (messages[1], messages[3])


async def test_drop_stream_when_on_then_fills_in_the_gap_are_missed_and_reconnecting_is_refused_as_often(
    opened: Running,
) -> None:
    async with connect(f"{opened.socket_url}/stream") as socket:
        await listening(opened, socket)
        await in_thread(lambda: opened.fault("drop_stream", 1))
        await in_thread(lambda: opened.trading().submit_order(market(1, client_order_id="missed")))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    async with connect(f"{opened.socket_url}/stream") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    async with connect(f"{opened.socket_url}/stream") as socket:
        await listening(opened, socket)
        await in_thread(lambda: opened.trading().submit_order(market(1, client_order_id="heard")))
        assert json.loads(await socket.recv())["data"]["order"]["client_order_id"] == "heard"
    assert ALICE in opened.get("/control/state")["positions"]["trade-updates"]


async def test_drop_data_stream_when_on_then_the_same_key_may_come_back_after_as_many_refusals(
    opened: Running,
) -> None:
    url = f"{opened.socket_url}/v2/iex"
    login = msgpack.packb({"action": "auth", "key": "data", "secret": "data-secret"})
    async with connect(url, additional_headers=PACKED) as socket:
        await packed(socket)
        await socket.send(login)
        await packed(socket)
        await in_thread(lambda: opened.fault("drop_data_stream", 1))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    async with connect(url, additional_headers=PACKED) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    async with connect(url, additional_headers=PACKED) as socket:
        await packed(socket)
        await socket.send(login)
        assert (await packed(socket))[0]["msg"] == "authenticated"


async def test_mute_data_when_on_then_the_socket_stays_open_and_silent_while_positions_move(opened: Running) -> None:
    async with connect(f"{opened.socket_url}/v2/iex", additional_headers=PACKED) as socket:
        await packed(socket)
        await socket.send(msgpack.packb({"action": "auth", "key": "data", "secret": "data-secret"}))
        await packed(socket)
        await socket.send(msgpack.packb({"action": "subscribe", "bars": ["SPY"]}))
        await packed(socket)
        await in_thread(lambda: opened.fault("mute_data", 2))
        state = await in_thread(lambda: opened.advance(3))
        (bar,) = await packed(socket)
        assert bar["t"].hour * 60 + bar["t"].minute == 14 * 60 + 35
        assert state["positions"]["market-data"] == {"SPY": "2018-02-05T14:36:00.000000Z"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/control/faults", {"switch": "fire"}),
        ("/control/faults", {"switch": "mute_data", "count": 0}),
        ("/control/faults", {"switch": "mute_data", "count": "1"}),
        ("/control/faults", {"switch": ["mute_data"]}),
        ("/control/advance", {"minutes": 0}),
        ("/control/advance", {"minutes": "1"}),
        ("/control/load", {"tape": "sp500:SPY:2020-01-02"}),
        ("/control/load", {"tape": 7}),
        ("/control/load", {"seed": -1}),
        ("/control/accounts", {"account_id": "x", "key": "k", "secret": "s", "cash": 1}),
        ("/control/accounts", {"account_id": ALICE, "key": "k", "secret": "s", "cash": 1}),
        ("/control/accounts", {"account_id": ALICE, "key": "k", "secret": "s", "cash": "NaN"}),
        ("/control/accounts", {"account_id": ALICE, "key": "k", "secret": "s", "cash": 1, "fees": {"tip": 1}}),
    ],
)
def test_control_when_a_request_is_wrong_then_a_sentence_comes_and_nothing_changes(
    path: str, body: dict[str, Any], opened: Running
) -> None:
    before = opened.get("/control/state")
    answer = requests.post(opened.url + path, json=body, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["message"]
    assert opened.get("/control/state") == before
