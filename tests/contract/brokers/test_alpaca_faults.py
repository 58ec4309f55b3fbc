"""The Alpaca adapter on a simulator that fails the way networks and brokers fail: one request, and the right word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.errors import BadCredentials, NotConnected, NotSent, OutcomeUnknown
from functions.brokers.orders import TradeUpdate
from functions.brokers.protocol import Connected, Quarantined
from functions.core.errors import AgentTraderError
from functions.core.events import BarData
from tests.contract.brokers.venue import AlpacaVenue, keys, order, settings_for

SECONDS = 30
ORDERS = "/v2/orders"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("switch", "raised", "exists"),
    [
        ("timeout_after_accept", OutcomeUnknown, True),
        ("error_504_after_accept", OutcomeUnknown, True),
        ("reset_before_accept", OutcomeUnknown, False),
        ("reset_after_accept", OutcomeUnknown, True),
        ("reject_429", NotSent, False),
    ],
)
async def test_submit_when_a_fault_strikes_then_it_is_sent_once_and_find_order_tells_the_truth(
    switch: str, raised: type[AgentTraderError], exists: bool, opened: AlpacaVenue
) -> None:
    broker = opened.broker(broker_timeout=0.3)
    opened.simulator.fault(switch)
    with pytest.raises(raised):
        await broker.submit(order("unsure"))
    assert opened.sent("POST", ORDERS) == 1
    found = await broker.find_order("unsure")
    assert (found is not None) is exists
    again = await broker.submit(order("unsure"))
    assert found is None or again.broker_order_id == found.broker_order_id
    assert [row["client_order_id"] for row in opened.orders()] == ["unsure"]
    assert opened.sent("POST", ORDERS) == 2


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


@pytest.mark.parametrize(
    ("switch", "raised"),
    [
        ("timeout_after_accept", OutcomeUnknown),
        ("error_504_after_accept", OutcomeUnknown),
        ("reset_before_accept", OutcomeUnknown),
        ("reset_after_accept", OutcomeUnknown),
        ("reject_429", NotSent),
    ],
)
async def test_cancel_when_a_fault_strikes_then_asking_again_is_safe(
    switch: str, raised: type[AgentTraderError], opened: AlpacaVenue
) -> None:
    broker = opened.broker(broker_timeout=0.3)
    working = await broker.submit(order("works", order_type="stop", stop_price=Decimal(400)))
    opened.simulator.fault(switch, method="DELETE", path=f"{ORDERS}/")
    with pytest.raises(raised):
        await broker.cancel(working.broker_order_id)
    await broker.cancel(working.broker_order_id)
    ended = await broker.find_order("works")
    assert ended is not None
    assert ended.state == "canceled"


READS: dict[str, Callable[[AlpacaBroker], Awaitable[Any]]] = {
    "/v2/account": lambda broker: broker.account(),
    "/v2/positions": lambda broker: broker.positions(),
    "/v2/orders": lambda broker: broker.open_orders(),
    "/v2/orders:by_client_order_id": lambda broker: broker.find_order("any"),
    "/v2/account/activities/FILL": lambda broker: broker.fills(LONG_AGO),
    "/v2/clock": lambda broker: broker.clock(),
}


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("switch", ["error_504_after_accept", "reset_before_accept", "reject_429"])
async def test_read_when_a_fault_strikes_then_it_is_not_connected_and_the_next_works(
    switch: str, path: str, opened: AlpacaVenue
) -> None:
    broker = opened.broker()
    opened.simulator.fault(switch, method="GET", path=path)
    with pytest.raises(NotConnected):
        await READS[path](broker)
    await READS[path](broker)
    assert opened.sent("GET", path) == 2


async def test_read_when_no_answer_comes_then_the_wait_has_an_end(opened: AlpacaVenue) -> None:
    opened.simulator.fault("timeout_after_accept", method="GET", path="/v2/positions")
    with pytest.raises(NotConnected):
        await opened.broker(broker_timeout=0.2).positions()


async def test_every_call_when_nobody_listens_then_reads_are_not_connected_and_an_order_is_not_assumed() -> None:
    broker = AlpacaBroker(keys("alice"), settings_for("http://127.0.0.1:9", "ws://127.0.0.1:9"), is_paper=True)
    for read in READS.values():
        with pytest.raises(NotConnected):
            await read(broker)
    with pytest.raises((OutcomeUnknown, NotSent)):
        await broker.submit(order("nobody"))


@pytest.mark.parametrize("path", READS)
async def test_read_when_the_keys_are_wrong_then_it_says_so_and_none_is_never_an_answer(
    path: str, opened: AlpacaVenue
) -> None:
    broker = AlpacaBroker(keys("alice", "stolen"), opened.settings(), is_paper=True)
    with pytest.raises(BadCredentials):
        await READS[path](broker)


async def test_submit_when_the_keys_are_wrong_then_nothing_is_placed(opened: AlpacaVenue) -> None:
    broker = AlpacaBroker(keys("alice", "stolen"), opened.settings(), is_paper=True)
    with pytest.raises(BadCredentials):
        await broker.submit(order("stolen"))
    with pytest.raises(BadCredentials):
        await broker.cancel("00000000-0000-4000-8000-000000000000")
    assert opened.orders() == []


async def test_trade_updates_when_the_keys_are_wrong_then_it_ends_instead_of_trying_for_ever(
    opened: AlpacaVenue,
) -> None:
    broker = AlpacaBroker(keys("alice", "stolen"), opened.settings(), is_paper=True)
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        with pytest.raises(BadCredentials):
            await anext(updates)


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


async def test_drop_stream_when_on_then_connected_comes_again_and_the_list_has_what_was_missed(
    opened: AlpacaVenue,
) -> None:
    broker = opened.broker()
    async with contextlib.aclosing(broker.trade_updates()) as updates, asyncio.timeout(SECONDS):
        assert isinstance(await anext(updates), Connected)
        opened.simulator.fault("drop_stream", 0)
        missed = await broker.submit(order("missed"))
        assert isinstance(await anext(updates), Connected)
        listed = [fill for fill in await broker.fills(LONG_AGO) if not isinstance(fill, Quarantined)]
        assert [fill.broker_order_id for fill in listed] == [missed.broker_order_id]
        await broker.submit(order("heard"))
        told = await anext(updates)
    assert isinstance(told, TradeUpdate)
    assert told.order.client_order_id == "heard"


async def test_drop_data_stream_when_on_then_connected_comes_again_and_bars_go_on(opened: AlpacaVenue) -> None:
    source = opened.market_data()
    async with contextlib.aclosing(source.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        assert isinstance(await anext(messages), Connected)
        opened.simulator.fault("drop_data_stream", 0)
        assert isinstance(await anext(messages), Connected)
        opened.move()
        heard = [await anext(messages)]
        while not isinstance(heard[-1], BarData):
            heard.append(await anext(messages))
    assert not any(isinstance(message, Quarantined) for message in heard)


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
