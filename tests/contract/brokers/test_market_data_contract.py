"""Market data of every broker: clock, calendar, listings, bars, quotes, and the stream."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from functions.brokers.protocol import Connected
from functions.core.events import BarData, QuoteData
from tests.contract.brokers.venue import Venue

SECONDS = 30
OPENS = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def test_clock_when_the_session_opens_then_the_feed_says_so_as_the_broker_does(closed_venue: Venue) -> None:
    data = closed_venue.market_data()
    assert not (await data.clock()).is_open
    closed_venue.open()
    feed, broker = await data.clock(), await closed_venue.broker().clock()
    assert feed.is_open
    # One may tell whole seconds only.
    assert abs(feed.now - broker.now) < timedelta(seconds=1)


async def test_calendar_when_there_is_a_holiday_and_a_half_day_then_sessions_are_the_exchanges(venue: Venue) -> None:
    sessions = await venue.market_data().calendar(date(2018, 11, 21), date(2018, 11, 26))
    assert [session.opens_at.day for session in sessions] == [21, 23, 26]
    assert [session.closes_at.time() for session in sessions] == [time(21), time(18), time(21)]


async def test_calendar_when_the_clocks_change_then_the_open_stays_at_half_past_nine_in_new_york(venue: Venue) -> None:
    before, after = await venue.market_data().calendar(date(2018, 3, 9), date(2018, 3, 12))
    assert (before.opens_at.time(), after.opens_at.time()) == (time(14, 30), time(13, 30))


async def test_bars_when_the_session_is_on_then_only_completed_minutes_come_oldest_first(venue: Venue) -> None:
    data = venue.market_data()
    venue.move(6)
    now = (await data.clock()).now
    bars = await data.bars("SPY", OPENS, OPENS + timedelta(hours=1))
    read = [bar for bar in bars if isinstance(bar, BarData)]
    assert len(read) == len(bars) > 5
    assert [bar.starts_at for bar in read] == [OPENS + MINUTE * place for place in range(len(read))]
    assert all(bar.ends_at == bar.starts_at + MINUTE <= now for bar in read)
    assert {(bar.symbol, bar.timeframe, bar.feed) for bar in read} == {("SPY", "1Min", data.feed)}
    assert await data.bars("SPY", OPENS + MINUTE, OPENS + 2 * MINUTE) == read[1:3]
    assert await data.bars("SPY", OPENS - timedelta(hours=2), OPENS - timedelta(hours=1)) == []


async def test_quotes_when_asked_then_each_known_symbol_has_its_market(venue: Venue) -> None:
    (quote,) = await venue.market_data().quotes(["SPY"])
    assert isinstance(quote, QuoteData)
    assert 0 < quote.bid <= quote.ask
    assert quote.symbol == "SPY"
    assert await venue.market_data().quotes([]) == []


async def test_listing_when_asked_then_it_has_its_tick_and_lot_or_is_none(venue: Venue) -> None:
    data = venue.market_data()
    listing = await data.listing("SPY")
    assert listing is not None
    assert (listing.instrument.symbol, listing.tradable) == ("SPY", True)
    assert listing.lot <= 1
    assert await data.listing("NOSUCH") is None


async def test_stream_when_the_market_moves_then_connected_quotes_and_bars_come_in_order(venue: Venue) -> None:
    data = venue.market_data()
    async with contextlib.aclosing(data.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        assert isinstance(await anext(messages), Connected)
        heard: list[object] = []
        for _ in range(3):
            await asyncio.to_thread(venue.move)
        while sum(isinstance(message, BarData) for message in heard) < 2:
            heard.append(await anext(messages))
    bars = [message for message in heard if isinstance(message, BarData)]
    quotes = [message for message in heard if isinstance(message, QuoteData)]
    assert len(bars) + len(quotes) == len(heard)
    assert bars[1].starts_at == bars[0].starts_at + MINUTE
    assert bars == await data.bars("SPY", bars[0].starts_at, bars[1].starts_at)
    assert [quote.quoted_at for quote in quotes] == sorted(quote.quoted_at for quote in quotes)
    assert all(quote.ask > Decimal(0) for quote in quotes)


async def test_stream_when_it_is_cut_then_connected_comes_again_and_bars_go_on(venue: Venue) -> None:
    data = venue.market_data()
    async with contextlib.aclosing(data.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        assert isinstance(await anext(messages), Connected)
        venue.fault("drop_data_stream", 0)
        while not isinstance(await anext(messages), Connected):
            pass
        for _ in range(2):
            await asyncio.to_thread(venue.move)
        while not isinstance(await anext(messages), BarData):
            pass
