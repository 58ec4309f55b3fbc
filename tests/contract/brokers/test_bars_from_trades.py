"""tastytrade without candles: its trades come instead, and the worker makes the bars of them that candles would be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.brokers.errors import NoBars
from functions.brokers.markets import TradePrint
from functions.brokers.protocol import BarsMissing, Connected, FeedMessage
from functions.core.events import BarData
from functions.core.ledger.market_data import MarketDataLedger
from functions.ingest.bar_builder import BarBuilder
from functions.ingest.stream import MarketDataWorker
from tests.contract.brokers.tastytrade_venue import TastytradeVenue
from tests.unit.core.doubles import World, until

SECONDS = 30
PAPER_DELAY = 900
MINUTE = timedelta(minutes=1)


async def heard_until(messages: AsyncGenerator[FeedMessage, None], kind: type[Any]) -> list[FeedMessage]:
    """What comes, up to and with the first of this kind."""
    heard: list[FeedMessage] = []
    while not heard or not isinstance(heard[-1], kind):
        heard.append(await anext(messages))
    return heard


@pytest.mark.parametrize("fault", ["mute_candles", "refuse_candles"])
async def test_stream_when_candles_are_silent_or_refused_then_trades_come_that_make_the_same_bars(
    tastytrade: TastytradeVenue, fault: str
) -> None:
    await asyncio.to_thread(tastytrade.open)
    await asyncio.to_thread(tastytrade.fault, fault, -1)
    # A refusal is known at once, however long silence would be waited for.
    data = tastytrade.market_data(candle_silence=0.1 if fault == "mute_candles" else 600)
    async with contextlib.aclosing(data.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        assert isinstance((await heard_until(messages, BarsMissing))[0], Connected)
        builder = BarBuilder(timedelta(0))
        builder.begin((await data.clock()).now)
        for _ in range(3):
            await asyncio.to_thread(tastytrade.move)
        bars: list[BarData] = []
        while len(bars) < 2:
            message = await anext(messages)
            assert not isinstance(message, BarData)
            if isinstance(message, TradePrint):
                assert builder.take(message) is None
                bars += builder.completed(message.traded_at)
    await asyncio.to_thread(tastytrade.heal)
    candles = await tastytrade.market_data().bars("SPY", bars[0].starts_at, bars[1].starts_at)
    # The simulator is not as late as it says, so the builder was told of no delay.
    assert [bar.model_copy(update={"delay_seconds": PAPER_DELAY}) for bar in bars] == candles


async def test_stream_when_candles_come_again_then_it_says_connected_and_no_trades_come(
    tastytrade: TastytradeVenue,
) -> None:
    await asyncio.to_thread(tastytrade.open)
    await asyncio.to_thread(tastytrade.fault, "mute_candles", -1)
    data = tastytrade.market_data(candle_silence=0.1)
    async with contextlib.aclosing(data.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        await heard_until(messages, BarsMissing)
        await asyncio.to_thread(tastytrade.heal)
        await asyncio.to_thread(tastytrade.move)
        assert not any(isinstance(message, BarData) for message in await heard_until(messages, Connected))
        await asyncio.to_thread(tastytrade.move)
        await heard_until(messages, BarData)


@pytest.mark.parametrize(("fault", "code"), [("mute_candles", "NO_CANDLES"), ("refuse_candles", "CANDLES_REFUSED")])
async def test_bars_when_the_feed_answers_without_candles_then_it_says_that_it_has_none(
    tastytrade: TastytradeVenue, fault: str, code: str
) -> None:
    await asyncio.to_thread(tastytrade.open)
    await asyncio.to_thread(tastytrade.fault, fault, -1)
    now = (await tastytrade.market_data().clock()).now
    with pytest.raises(NoBars) as raised:
        await tastytrade.market_data(broker_timeout=2).bars("SPY", now - MINUTE, now)
    assert raised.value.code == code


async def test_worker_when_candles_are_silent_then_bars_of_trades_are_stored_and_told_and_candles_take_over_again(
    tastytrade: TastytradeVenue,
) -> None:
    await asyncio.to_thread(tastytrade.open)
    await asyncio.to_thread(tastytrade.fault, "mute_candles", -1)
    data = tastytrade.market_data(candle_silence=0.1, broker_timeout=2)
    world = World(
        {
            "watched_symbols": {"symbols": ["SPY"], "left_out": []},
            "record_market_data": 1,
            "upsert_calendar": 1,
            "latest_bar_end": None,
            "bars_until": [],
            "roll_up_bars": [],
            "record_findings": 1,
            "corporate_actions_of": [],
        },
        watch_interval=0.01,
        late_print_grace=0.001,
        stale_after=600,
    )
    world.clock.at = (await data.clock()).now

    async def move() -> None:
        await asyncio.to_thread(tastytrade.move)
        world.clock.at = (await data.clock()).now

    stop = asyncio.Event()
    worker = MarketDataWorker(world.ports, MarketDataLedger(world.ledger), data)
    working = asyncio.create_task(worker.run(stop))
    try:
        await until(lambda: worker.is_building, SECONDS)
        for _ in range(3):
            await move()
        await until(lambda: len(stored(world)) >= 2, SECONDS)
        (alert,) = [given for given in world.asked("raise_alert") if given["p_code"] == "DATA_BARS_FROM_TRADES"]
        assert (alert["p_severity"], alert["p_numbers"]["symbol"]) == ("warning", "SPY")
        made = stored(world)
        await asyncio.to_thread(tastytrade.heal)
        await move()
        await until(lambda: not worker.is_building, SECONDS)
        await move()
        await until(lambda: max(stored(world)) > max(made), SECONDS)
    finally:
        stop.set()
        await asyncio.wait_for(working, SECONDS)
    first, last = min(made), max(stored(world))
    candles = await data.bars("SPY", first, last)
    # With the candles came the days before, too.
    told = {at: row for at, row in stored(world).items() if at >= first}
    assert [bar.starts_at for bar in candles if isinstance(bar, BarData)] == sorted(told)
    for bar in candles:
        assert isinstance(bar, BarData)
        row = bar.model_dump(mode="json")
        assert {name: told[bar.starts_at][name] for name in FIELDS} == {name: row[name] for name in FIELDS}


FIELDS = ("symbol", "open", "high", "low", "close", "volume", "feed")


def stored(world: World) -> dict[datetime, dict[str, Any]]:
    """The bars that were stored, by their start; the first word on each where it was told by trades."""
    found: dict[datetime, dict[str, Any]] = {}
    for given in world.asked("record_market_data"):
        for row in given["p_bars"]:
            found.setdefault(datetime.fromisoformat(row["starts_at"]), row)
    return found
