"""DXLink, by the SDK's own client and by a raw socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from tastytrade import DXLinkStreamer
from tastytrade.dxfeed import Candle, Profile, Quote, Summary, TimeAndSale, Trade
from tastytrade.utils import TastytradeError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.contract.tastytrade_simulator.running import WITHIN_SECONDS, Running

FIELDS = ["eventSymbol", "bidPrice", "askPrice"]


async def heard(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), WITHIN_SECONDS))


async def until(socket: ClientConnection, kind: str) -> Any:
    while (message := await heard(socket))["type"] != kind:
        pass
    return message


async def say(socket: ClientConnection, kind: str, channel: int = 0, **more: Any) -> None:
    await socket.send(json.dumps({"type": kind, "channel": channel, **more}))


@asynccontextmanager
async def authorized(running: Running, keepalive: float = 60) -> AsyncIterator[ClientConnection]:
    """A raw socket with an open channel 1 for quotes of three fields."""
    token = (await asyncio.to_thread(running.raw, "GET", "/api-quote-tokens")).json()["data"]
    async with connect(token["dxlink-url"]) as socket:
        await say(socket, "SETUP", keepaliveTimeout=keepalive, acceptKeepaliveTimeout=60, version="0.1")
        assert (await heard(socket))["type"] == "SETUP"
        assert (await heard(socket))["state"] == "UNAUTHORIZED"
        await say(socket, "AUTH", token=token["token"])
        assert (await heard(socket))["state"] == "AUTHORIZED"
        await say(socket, "CHANNEL_REQUEST", 1, service="FEED", parameters={"contract": "AUTO"})
        assert (await heard(socket))["type"] == "CHANNEL_OPENED"
        await say(socket, "FEED_SETUP", 1, acceptDataFormat="COMPACT", acceptEventFields={"Quote": FIELDS})
        assert (await heard(socket))["eventFields"]["Quote"] == FIELDS
        yield socket


async def subscribed(socket: ClientConnection) -> Any:
    await say(socket, "FEED_SUBSCRIPTION", 1, add=[{"type": "Quote", "symbol": "SPY"}])
    return await heard(socket)


@asynccontextmanager
async def streaming(running: Running) -> AsyncIterator[DXLinkStreamer]:
    async with running.session() as session, DXLinkStreamer(session) as streamer:
        yield streamer


async def advance(running: Running, minutes: int = 1) -> None:
    await asyncio.to_thread(running.advance, minutes)


async def test_sdk_streamer_when_the_tape_moves_then_it_reads_every_kind_of_event(opened: Running) -> None:
    async with streaming(opened) as streamer, asyncio.timeout(WITHIN_SECONDS):
        await streamer.subscribe(Quote, ["SPY"])
        first = await streamer.get_event(Quote)
        await streamer.subscribe(Trade, ["SPY"])
        await streamer.subscribe(Summary, ["SPY"])
        await streamer.subscribe(Profile, ["SPY"])
        await streamer.get_event(Trade)
        assert (await streamer.get_event(Summary)).prev_day_close_price is not None
        assert (await streamer.get_event(Profile)).trading_status == "ACTIVE"
        await advance(opened)
        later = await streamer.get_event(Quote)
        assert later.event_time > first.event_time
        assert later.bid_price < later.ask_price


async def test_candles_when_they_are_subscribed_then_a_snapshot_comes_newest_first_and_then_each_minute(
    opened: Running,
) -> None:
    since = datetime.fromisoformat(opened.get("/control/state")["now"]).astimezone(UTC).replace(hour=0, minute=0)
    async with streaming(opened) as streamer, asyncio.timeout(WITHIN_SECONDS):
        await streamer.subscribe_candle(["SPY"], "1m", since)
        rows = [await streamer.get_event(Candle)]
        while not rows[-1].snapshot_end:
            rows.append(await streamer.get_event(Candle))
        assert rows[0].snapshot_begin
        assert rows[-1].remove
        times = [row.time for row in rows[:-1]]
        assert times == sorted(times, reverse=True)
        assert len(times) == 3
        await advance(opened)
        over, begun = await streamer.get_event(Candle), await streamer.get_event(Candle)
        assert over.time == times[0] + 60_000
        assert over.close > 0
        assert begun.time == over.time + 60_000
        assert begun.volume == 0


async def test_frame_when_several_events_are_of_one_kind_then_they_come_flat_in_the_fields_asked(
    opened: Running,
) -> None:
    async with authorized(opened) as socket:
        frame = await subscribed(socket)
        assert frame["type"] == "FEED_DATA"
        kind, values = frame["data"]
        assert (kind, len(values), values[0]) == ("Quote", 3, "SPY")
        await say(socket, "FEED_SUBSCRIPTION", 1, remove=[{"type": "Quote", "symbol": "SPY"}])
        await say(socket, "CHANNEL_CANCEL", 1)
        assert (await heard(socket))["type"] == "CHANNEL_CLOSED"


async def test_protocol_when_it_is_broken_then_an_error_says_so(opened: Running) -> None:
    async with connect(f"{opened.socket_url}/realtime") as socket:
        await say(socket, "SETUP", keepaliveTimeout=60)
        await until(socket, "AUTH_STATE")
        await say(socket, "CHANNEL_REQUEST", 1, service="FEED")
        assert (await heard(socket))["error"] == "UNAUTHORIZED"
        await socket.send("{")
        assert (await heard(socket))["error"] == "BAD_ACTION"
        await say(socket, "AUTH", token="nobody")
        assert (await heard(socket))["error"] == "UNAUTHORIZED"
        with pytest.raises(ConnectionClosed):
            await heard(socket)


async def test_connection_when_the_client_says_nothing_then_it_is_timed_out(opened: Running) -> None:
    async with authorized(opened, keepalive=0.05) as socket:
        assert (await until(socket, "ERROR"))["error"] == "TIMEOUT"
        with pytest.raises(ConnectionClosed):
            await heard(socket)


async def test_mute_data_when_on_then_frames_do_not_come(opened: Running) -> None:
    async with authorized(opened) as socket:
        opened.fault("mute_data", -1)
        await say(socket, "FEED_SUBSCRIPTION", 1, add=[{"type": "Quote", "symbol": "SPY"}])
        await say(socket, "CHANNEL_REQUEST", 3, service="FEED")
        assert (await heard(socket))["type"] == "CHANNEL_OPENED"


async def test_dxlink_nan_when_on_then_the_event_has_no_prices_and_the_sdk_drops_it(opened: Running) -> None:
    opened.fault("dxlink_nan")
    async with authorized(opened) as socket:
        assert (await subscribed(socket))["data"] == ["Quote", ["SPY", "NaN", "NaN"]]


async def test_dxlink_batches_when_on_then_a_frame_has_many_events(opened: Running) -> None:
    async with authorized(opened) as socket:
        opened.fault("dxlink_batches", 1, events=9)
        await say(socket, "FEED_SUBSCRIPTION", 1, add=[{"type": "Quote", "symbol": "SPY"}])
        await advance(opened, 3)
        assert len((await heard(socket))["data"][1]) == 9 * len(FIELDS)


async def test_dxlink_error_when_on_then_the_sdk_gives_up(opened: Running) -> None:
    async def listen() -> None:
        async with streaming(opened) as streamer, asyncio.timeout(WITHIN_SECONDS):
            await streamer.subscribe(TimeAndSale, ["SPY"])
            await asyncio.to_thread(opened.fault, "dxlink_error", 0)
            async for _ in streamer.listen(TimeAndSale):
                pass

    with pytest.raises(ExceptionGroup) as caught:
        await listen()
    assert caught.group_contains(TastytradeError, match="Something went wrong")


async def test_dxlink_token_expiry_when_on_then_the_old_token_opens_nothing(opened: Running) -> None:
    async with authorized(opened) as socket:
        await asyncio.to_thread(opened.fault, "dxlink_token_expiry", 0)
        assert (await until(socket, "AUTH_STATE"))["state"] == "UNAUTHORIZED"
        await say(socket, "FEED_SUBSCRIPTION", 1, add=[])
        assert (await heard(socket))["error"] == "UNAUTHORIZED"
    async with authorized(opened) as socket:
        assert (await subscribed(socket))["type"] == "FEED_DATA"


async def test_drop_data_stream_when_on_then_streams_close_and_as_many_are_refused(opened: Running) -> None:
    async with authorized(opened) as socket:
        await asyncio.to_thread(opened.fault, "drop_data_stream")
        with pytest.raises(ConnectionClosed):
            await heard(socket)
    async with connect(f"{opened.socket_url}/realtime") as socket:
        with pytest.raises(ConnectionClosed):
            await heard(socket)
    async with authorized(opened) as socket:
        assert (await subscribed(socket))["type"] == "FEED_DATA"
