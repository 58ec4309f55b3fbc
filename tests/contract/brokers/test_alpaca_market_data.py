"""Alpaca's bars, quotes and calendar: on the simulator, and on servers that send what no feed should."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers import alpaca_market_data
from functions.brokers.alpaca_market_data import AlpacaMarketData
from functions.brokers.errors import BadCredentials, BadResponse, NotConnected, Unsupported
from functions.brokers.markets import OptionQuote
from functions.brokers.protocol import Connected, Quarantined
from functions.core.events import BarData, QuoteData
from tests.contract.brokers.rude import RudeServer, data_talk, rude_socket
from tests.contract.brokers.venue import AlpacaVenue, keys, settings_for

SECONDS = 30
OPENS = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAR: dict[str, Any] = {"t": "2026-01-02T14:30:00Z", "o": 100.5, "h": 101, "l": 100.25, "c": 100.75, "v": 1200}
QUOTE: dict[str, Any] = {"t": "2026-01-02T14:30:00.123456789Z", "bp": 100.01, "ap": 100.02, "bs": 3, "as": 4}

BAD_BARS: dict[str, dict[str, Any]] = {
    "NaN": {"c": float("nan")},
    "NaN as text": {"c": "NaN"},
    "infinite": {"h": float("inf")},
    "negative price": {"l": -1},
    "zero price": {"o": 0},
    "high below close": {"h": 100},
    "low above open": {"l": 100.6},
    "negative volume": {"v": -1},
    "missing field": {"c": None},
    "a list": {"o": [100.5]},
    "true": {"v": True},
    "thousands": {"o": "1,000"},
    "underscore": {"h": "1_000"},
    "beyond the ledger": {"h": 1e300},
    "no time": {"t": None},
    "no time zone": {"t": "2026-01-02T14:30:00"},
    "a number as time": {"t": 1767364200},
    "end of time": {"t": "9999-12-31T23:59:30Z"},
}
BAD_QUOTES: dict[str, dict[str, Any]] = {
    "crossed": {"bp": 100.03},
    "no bid": {"bp": 0},
    "negative": {"ap": -100},
    "NaN": {"ap": float("nan")},
    "missing": {"ap": None},
    "negative size": {"bs": -1},
    "no size": {"as": None},
    "no time": {"t": ""},
}


def source_of(server: RudeServer) -> AlpacaMarketData:
    return AlpacaMarketData(keys("data"), settings_for(server.url, "ws://127.0.0.1:9"))


async def test_bars_when_they_fill_several_pages_then_each_comes_once_in_order(
    opened: AlpacaVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.move(26)
    monkeypatch.setattr(alpaca_market_data, "_PAGE", 7)
    bars = await opened.market_data().bars("SPY", OPENS, OPENS + timedelta(hours=1))
    assert [bar.starts_at for bar in bars if isinstance(bar, BarData)] == [OPENS + MINUTE * n for n in range(29)]
    assert opened.sent("GET", "/v2/stocks/bars") == 5
    first = bars[0]
    assert isinstance(first, BarData)
    assert (first.symbol, first.timeframe, first.feed, first.open) == ("SPY", "1Min", "iex", Decimal("274.11"))
    assert first.ends_at == OPENS + MINUTE


async def test_bars_when_the_symbol_is_unknown_or_the_future_is_asked_for_then_there_are_none(
    opened: AlpacaVenue,
) -> None:
    source = opened.market_data()
    assert await source.bars("NOSUCH", OPENS, OPENS + MINUTE) == []
    assert await source.bars("SPY", OPENS + timedelta(hours=2), OPENS + timedelta(hours=3)) == []


async def test_quotes_when_one_symbol_has_none_then_the_others_are_there(opened: AlpacaVenue) -> None:
    source = opened.market_data()
    (quote,) = await source.quotes(["SPY", "NOSUCH"])
    assert isinstance(quote, QuoteData)
    assert (quote.symbol, quote.feed, quote.delay_seconds) == ("SPY", "iex", 0)
    assert quote.bid <= quote.ask
    assert quote.quoted_at <= (await source.clock()).now
    assert await source.quotes([]) == []


async def test_calendar_when_the_clocks_change_then_the_open_stays_at_half_past_nine_in_new_york(
    alpaca: AlpacaVenue,
) -> None:
    before, after = await alpaca.market_data().calendar(date(2018, 3, 9), date(2018, 3, 12))
    assert (before.opens_at.time(), after.opens_at.time()) == (time(14, 30), time(13, 30))
    back = await alpaca.market_data().calendar(date(2018, 11, 2), date(2018, 11, 5))
    assert [session.closes_at.time() for session in back] == [time(20, 0), time(21, 0)]


async def test_clock_when_asked_with_the_data_key_then_it_is_the_tapes(alpaca: AlpacaVenue) -> None:
    clock = await alpaca.market_data().clock()
    assert (clock.now, clock.is_open) == (OPENS - timedelta(minutes=30), False)


async def test_stream_when_the_symbols_change_then_the_next_one_is_not_refused_for_the_first(
    opened: AlpacaVenue,
) -> None:
    source = opened.market_data()
    for _ in range(3):
        async with contextlib.aclosing(source.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
            assert isinstance(await anext(messages), Connected)
    assert opened.sent("WS", "/v2/iex") == 3


async def test_stream_when_the_keys_are_wrong_then_it_ends_instead_of_trying_for_ever(opened: AlpacaVenue) -> None:
    source = AlpacaMarketData(keys("data", "stolen"), opened.settings())
    async with contextlib.aclosing(source.stream(["SPY"])) as messages, asyncio.timeout(SECONDS):
        with pytest.raises(BadCredentials):
            await anext(messages)


async def test_stream_when_the_feed_was_not_paid_for_then_it_ends_and_says_so() -> None:
    refused = {"T": "error", "code": 409, "msg": "insufficient subscription"}
    async with rude_socket(data_talk([], signed_in=refused)) as url, asyncio.timeout(SECONDS):
        source = AlpacaMarketData(keys("data"), settings_for("http://127.0.0.1:9", url, alpaca_data_stream_url=url))
        async with contextlib.aclosing(source.stream(["SPY"])) as messages:
            with pytest.raises(NotConnected) as ended:
                await anext(messages)
    assert ended.value.code == "STREAM_ENDED"


async def test_stream_when_there_are_too_many_symbols_then_it_ends_and_says_so() -> None:
    refused = {"T": "error", "code": 405, "msg": "symbol limit exceeded"}
    async with rude_socket(data_talk([refused])) as url, asyncio.timeout(SECONDS):
        source = AlpacaMarketData(keys("data"), settings_for("http://127.0.0.1:9", url, alpaca_data_stream_url=url))
        async with contextlib.aclosing(source.stream(["SPY"])) as messages:
            await anext(messages)
            with pytest.raises(Unsupported):
                await anext(messages)


async def test_stream_when_rows_are_malformed_then_each_is_quarantined_and_the_next_is_heard() -> None:
    at = {"t": datetime(2026, 1, 2, 14, 30, tzinfo=UTC)}
    bars = [{"T": "b", "S": "SPY", **BAR, **at, **change} for change in BAD_BARS.values()]
    quotes = [{"T": "q", "S": "SPY", **QUOTE, **at, **change} for change in BAD_QUOTES.values()]
    good = [{"T": "b", "S": "SPY", **BAR, **at}, {"T": "q", "S": "SPY", **QUOTE, **at}]
    async with rude_socket(data_talk([*bars, *quotes, *good])) as url, asyncio.timeout(SECONDS):
        source = AlpacaMarketData(keys("data"), settings_for("http://127.0.0.1:9", url, alpaca_data_stream_url=url))
        async with contextlib.aclosing(source.stream(["SPY"])) as messages:
            heard = [await anext(messages) for _ in range(1 + len(bars) + len(quotes) + len(good))]
    assert [type(message) for message in heard[1:-2]] == [Quarantined] * (len(bars) + len(quotes))
    assert [type(message) for message in heard[-2:]] == [BarData, QuoteData]


CONTRACT = "SPY261218C00500000"


async def test_option_stream_when_quotes_are_malformed_then_each_is_quarantined_and_the_next_is_heard() -> None:
    told = {"T": "q", "S": CONTRACT, **QUOTE, "t": datetime(2026, 1, 2, 14, 30, tzinfo=UTC)}
    bad = [told | {"bp": 100.03}, told | {"ap": -1}, told | {"bp": "a price"}]
    unquoted = told | {"bp": 0, "bs": 0}
    async with rude_socket(data_talk([*bad, unquoted])) as url, asyncio.timeout(SECONDS):
        settings = settings_for("http://127.0.0.1:9", url, alpaca_option_stream_url=url, alpaca_option_feed="opra")
        async with contextlib.aclosing(AlpacaMarketData(keys("data"), settings).option_stream([CONTRACT])) as messages:
            heard = [await anext(messages) for _ in range(2 + len(bad))]
    assert [type(message) for message in heard] == [Connected, *[Quarantined] * len(bad), OptionQuote]
    last = heard[-1]
    assert isinstance(last, OptionQuote)
    assert (last.symbol, last.bid, last.ask, last.feed, last.delay_seconds) == (
        CONTRACT,
        None,
        Decimal("100.02"),
        "opra",
        0,
    )


async def test_option_stream_when_the_feed_was_not_paid_for_then_it_ends_and_says_so() -> None:
    refused = {"T": "error", "code": 409, "msg": "insufficient subscription"}
    async with rude_socket(data_talk([refused])) as url, asyncio.timeout(SECONDS):
        settings = settings_for("http://127.0.0.1:9", url, alpaca_option_stream_url=url)
        async with contextlib.aclosing(AlpacaMarketData(keys("data"), settings).option_stream([CONTRACT])) as messages:
            assert isinstance(await anext(messages), Connected)
            with pytest.raises(Unsupported):
                await anext(messages)


@pytest.mark.parametrize("change", BAD_BARS.values(), ids=list(BAD_BARS))
async def test_bars_when_a_row_is_malformed_then_it_is_quarantined_and_its_neighbours_are_kept(
    change: dict[str, Any], rude: RudeServer
) -> None:
    after = BAR | {"t": "2026-01-02T14:32:00Z"}
    rude.says(200, {"bars": {"SPY": [BAR, BAR | change, after]}, "next_page_token": None})
    found = await source_of(rude).bars("SPY", OPENS, OPENS)
    assert [type(row) for row in found] == [BarData, Quarantined, BarData]
    assert isinstance(found[1], Quarantined)
    assert found[1].reason
    assert json.dumps(found[1].row)


@pytest.mark.parametrize("change", BAD_QUOTES.values(), ids=list(BAD_QUOTES))
async def test_quotes_when_one_is_malformed_then_it_is_quarantined(change: dict[str, Any], rude: RudeServer) -> None:
    rude.says(200, {"quotes": {"SPY": QUOTE | change, "IWM": QUOTE}})
    bad, good = await source_of(rude).quotes(["SPY", "IWM"])
    assert isinstance(bad, Quarantined)
    assert isinstance(good, QuoteData)
    assert good.quoted_at == datetime(2026, 1, 2, 14, 30, 0, 123456, tzinfo=UTC)


async def test_bars_when_numbers_come_as_text_then_they_are_read_exactly(rude: RudeServer) -> None:
    row = {"t": BAR["t"], "o": "100.10", "h": "100.3", "l": "100.1", "c": "100.2", "v": "7"}
    rude.says(200, {"bars": {"SPY": [row]}, "next_page_token": None})
    (bar,) = await source_of(rude).bars("SPY", OPENS, OPENS)
    assert isinstance(bar, BarData)
    assert (bar.open, bar.close, bar.volume) == (Decimal("100.1"), Decimal("100.2"), Decimal(7))


async def test_bars_when_rows_are_no_objects_then_each_is_quarantined(rude: RudeServer) -> None:
    rude.says(200, {"bars": {"SPY": [None, 7, "bar", []]}, "next_page_token": None})
    found = await source_of(rude).bars("SPY", OPENS, OPENS)
    assert [type(row) for row in found] == [Quarantined] * 4


@pytest.mark.parametrize(
    "body", [b"", [], {"bars": [1]}, {"bars": {"SPY": {"t": 1}}}, {"bars": {}, "next_page_token": 7}]
)
async def test_bars_when_the_answer_has_no_shape_then_nothing_is_made_of_it(body: object, rude: RudeServer) -> None:
    rude.says(200, body)
    with pytest.raises(BadResponse):
        await source_of(rude).bars("SPY", OPENS, OPENS)


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        {"date": "2026-01-02"},
        {"date": "2026-13-02", "open": "09:30", "close": "16:00"},
        {"date": "2026-01-02", "open": "16:00", "close": "09:30"},
        {"date": "2026-01-02", "open": "noon", "close": "16:00"},
        {"date": 20260102, "open": "09:30", "close": "16:00"},
    ],
)
async def test_calendar_when_a_row_is_malformed_then_no_session_is_invented(row: object, rude: RudeServer) -> None:
    rude.says(200, [row])
    with pytest.raises(BadResponse):
        await source_of(rude).calendar(date(2026, 1, 1), date(2026, 1, 3))
