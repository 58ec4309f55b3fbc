"""The Alpaca adapter on a simulator that fails the way networks and brokers fail: one request, and the right word."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from functions.brokers.errors import NotConnected, OutcomeUnknown
from functions.brokers.orders import TradeUpdate
from functions.brokers.protocol import Connected
from tests.contract.brokers.venue import AlpacaVenue, order

SECONDS = 30
ORDERS = "/v2/orders"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def test_submit_when_every_answer_is_lost_then_no_order_is_ever_doubled(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    opened.simulator.fault("reset_after_accept", -1)
    for _ in range(5):
        with pytest.raises(OutcomeUnknown):
            await broker.submit(order("lost"))
    assert len(opened.orders()) == 1
    assert opened.sent("POST", ORDERS) == 5


async def test_submit_when_the_adopted_order_cannot_be_read_then_the_outcome_stays_unknown(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    await broker.submit(order("taken"))
    opened.simulator.fault("error_504_after_accept", method="GET", path="/v2/orders:by_client_order_id")
    with pytest.raises(OutcomeUnknown) as unknown:
        await broker.submit(order("taken"))
    assert unknown.value.code == "SENT_BEFORE"


async def test_read_when_no_answer_comes_then_the_wait_has_an_end(opened: AlpacaVenue) -> None:
    opened.simulator.fault("timeout_after_accept", method="GET", path="/v2/positions")
    with pytest.raises(NotConnected):
        await opened.broker(broker_timeout=0.2).positions()


async def test_fill_before_response_when_on_then_the_answer_is_a_filled_order(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    opened.simulator.fault("fill_before_response")
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        await anext(updates)
        answered = await broker.submit(order("quick"))
        assert (answered.state, answered.filled_quantity) == ("filled", Decimal(1))
        events = [await anext(updates) for _ in range(2)]
    assert [update.event for update in events if isinstance(update, TradeUpdate)] == ["new", "fill"]


async def test_duplicate_stream_event_when_on_then_both_carry_the_same_names(opened: AlpacaVenue) -> None:
    broker = opened.broker()
    opened.simulator.fault("duplicate_stream_event", 2)
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        await anext(updates)
        await broker.submit(order("twice"))
        heard = [await anext(updates) for _ in range(4)]
    assert (heard[0], heard[2]) == (heard[1], heard[3])


async def test_mute_data_when_the_session_is_on_then_a_silent_socket_is_left_for_a_new_one(
    opened: AlpacaVenue,
) -> None:
    source = opened.market_data(stream_silence=0.3)
    async with contextlib.aclosing(source.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        assert isinstance(await anext(messages), Connected)
        opened.simulator.fault("mute_data", -1)
        opened.move()
        assert isinstance(await anext(messages), Connected)
    assert opened.sent("WS", "/v2/iex") == 2


async def test_mute_data_when_the_market_is_closed_then_silence_is_no_fault(alpaca: AlpacaVenue) -> None:
    source = alpaca.market_data(stream_silence=0.05)
    async with contextlib.aclosing(source.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        assert isinstance(await anext(messages), Connected)
        listening = asyncio.ensure_future(anext(messages))
        while alpaca.sent("GET", "/v2/clock") < 20:  # noqa: ASYNC110 - the simulator counts in another thread
            await asyncio.sleep(0.01)
        assert not listening.done()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert alpaca.sent("WS", "/v2/iex") == 1
