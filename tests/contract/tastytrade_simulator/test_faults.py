"""Each fault does what its name says, to the SDK that will meet it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from tastytrade.order import OrderAction, OrderStatus
from tastytrade.utils import TastytradeError

from tests.contract.tastytrade_simulator.running import ALICE, BOB, Running, limit, market
from tests.contract.tastytrade_simulator.test_account_stream import bought, heard, listening

IMPATIENT = httpx2.Timeout(0.5)


def names(running: Running) -> list[str]:
    return [order["client_order_id"] for order in running.book()["orders"]]


@pytest.mark.parametrize(
    ("switch", "raised", "said", "exists"),
    [
        ("timeout_after_accept", httpx2.ReadTimeout, ".*", True),
        ("reset_before_accept", httpx2.TransportError, ".*", False),
        ("reset_after_accept", httpx2.TransportError, ".*", True),
        ("error_502_html", TastytradeError, "502 Bad Gateway", False),
        ("error_502_after_accept", TastytradeError, "502 Bad Gateway", True),
        ("reject_429", TastytradeError, "Too many requests", False),
        ("reject_401", TastytradeError, "token_invalid", False),
        ("reject_406", TastytradeError, "not supported", False),
        ("empty_data", TastytradeError, "No data present", True),
        ("answer_without_key", ValidationError, "underlying-instrument-type", True),
    ],
)
async def test_submit_when_a_fault_is_on_then_the_order_exists_or_not_and_the_next_works(
    switch: str, raised: type[Exception], said: str, exists: bool, opened: Running
) -> None:
    async with opened.account(timeout=IMPATIENT) as (session, account):
        opened.fault(switch)
        with pytest.raises(raised, match=said):
            await account.place_order(session, market(1, name="unsure"), dry_run=False)
        assert names(opened) == (["unsure"] if exists else [])
        assert opened.get("/control/faults") == {"on": []}
        await account.place_order(session, market(1, name="sure"), dry_run=False)


async def test_fault_when_it_is_for_another_account_then_it_waits_for_that_one(opened: Running) -> None:
    opened.fault("reject_429", account_id=BOB)
    async with opened.account() as (session, account):
        await account.place_order(session, market(1), dry_run=False)
    async with opened.account("bob") as (session, account):
        with pytest.raises(TastytradeError, match="Too many"):
            await account.place_order(session, market(1), dry_run=False)


async def test_cancel_lost_race_when_on_then_the_cancel_is_refused_and_the_order_filled(opened: Running) -> None:
    async with opened.account() as (session, account):
        placed = (await account.place_order(session, limit(1, "-200.00"), dry_run=False)).order
        opened.fault("cancel_lost_race")
        with pytest.raises(TastytradeError, match="cannot_update_order"):
            await account.delete_order(session, placed.id)
        assert (await account.get_order(session, placed.id)).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("switch", "status"), [("cancel_fill_race", OrderStatus.FILLED), ("stuck_cancel", OrderStatus.CANCEL_REQUESTED)]
)
async def test_cancel_when_a_fault_is_on_then_it_is_taken_and_ends_otherwise(
    switch: str, status: OrderStatus, opened: Running
) -> None:
    async with opened.account() as (session, account):
        placed = (await account.place_order(session, limit(1, "-200.00"), dry_run=False)).order
        opened.fault(switch)
        await account.delete_order(session, placed.id)
        assert (await account.get_order(session, placed.id)).status is status


@pytest.mark.parametrize(
    ("switch", "status"), [("replace_fill_race", OrderStatus.FILLED), ("replace_rejected", OrderStatus.LIVE)]
)
async def test_replace_when_a_fault_is_on_then_the_successor_never_works(
    switch: str, status: OrderStatus, opened: Running
) -> None:
    async with opened.account() as (session, account):
        placed = (await account.place_order(session, limit(1, "-200.00"), dry_run=False)).order
        opened.fault(switch)
        new = await account.replace_order(session, placed.id, limit(1, "-201.00"))
        assert (await account.get_order(session, placed.id)).status is status
        assert (await account.get_order(session, new.id)).status is OrderStatus.REJECTED


async def test_partial_fills_when_on_then_the_order_stays_live_with_less_remaining(opened: Running) -> None:
    opened.fault("partial_fills", 1, least=3, most=3)
    async with opened.account() as (session, account):
        placed = (await account.place_order(session, market(9), dry_run=False)).order
        order = await account.get_order(session, placed.id)
        assert (order.status, len(order.legs[0].fills or [])) == (OrderStatus.LIVE, 1)
        assert order.legs[0].remaining_quantity == 6
        opened.advance()
        order = await account.get_order(session, placed.id)
        assert (order.status, len(order.legs[0].fills or [])) == (OrderStatus.FILLED, 3)


async def test_position_lag_when_on_then_a_close_is_taken_for_an_open(opened: Running) -> None:
    async with opened.account() as (session, account):
        await account.place_order(session, market(1), dry_run=False)
        opened.fault("position_lag", 2)
        assert await account.get_positions(session) == []
        placed = await account.place_order(session, market(1, OrderAction.SELL_TO_CLOSE), dry_run=False)
        assert [warning.code for warning in placed.warnings or []] == ["closing_with_no_position"]
        assert placed.order.legs[0].action is OrderAction.SELL_TO_OPEN
        assert opened.book()["positions"] == []


async def told(running: Running, count: int, switch: str, times: int = 1) -> list[Any]:
    """The frames about a market order while a fault is on."""
    async with listening(running) as socket:
        running.fault(switch, times)
        await bought(running)
        return [await asyncio.wait_for(socket.recv(), 10) for _ in range(count)]


async def test_status_dead_when_on_then_a_message_has_a_status_that_no_model_knows(opened: Running) -> None:
    (frame,) = await told(opened, 1, "status_dead")
    assert json.loads(frame)["data"]["status"] == "Dead"


async def test_malformed_frame_when_on_then_half_a_message_comes_first(opened: Running) -> None:
    half, whole = await told(opened, 2, "malformed_frame")
    assert whole.startswith(half)
    with pytest.raises(json.JSONDecodeError):
        json.loads(half)


async def test_duplicate_stream_event_when_on_then_a_message_comes_twice(opened: Running) -> None:
    first, second = await told(opened, 2, "duplicate_stream_event")
    assert first == second


async def test_order_without_key_when_on_then_the_message_lacks_it(opened: Running) -> None:
    (frame,) = await told(opened, 1, "order_without_key")
    assert "underlying-instrument-type" not in json.loads(frame)["data"]


async def test_filled_without_fills_when_on_then_asking_again_shows_them(opened: Running) -> None:
    frames = [json.loads(frame) for frame in await told(opened, 4, "filled_without_fills")]
    assert (frames[3]["data"]["status"], frames[3]["data"]["legs"][0]["fills"]) == ("Filled", [])
    row = opened.raw("GET", f"/accounts/{ALICE}/orders/{frames[3]['data']['id']}").json()["data"]
    assert len(row["legs"][0]["fills"]) == 1


async def test_fill_before_response_when_on_then_the_answer_comes_after_the_fill(opened: Running) -> None:
    opened.fault("fill_before_response")
    async with listening(opened) as socket, opened.account() as (session, account):
        answer = await account.place_order(session, market(1), dry_run=False)
        assert answer.order.status is OrderStatus.FILLED
        assert [(await heard(socket))["data"]["status"] for _ in range(4)][-1] == "Filled"
