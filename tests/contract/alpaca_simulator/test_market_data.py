"""Market data over REST: pages, aggregation, the latest of everything, and never the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import (
    OptionChainRequest,
    OptionSnapshotRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.requests import GetOptionContractsRequest

from tests.contract.alpaca_simulator.running import Running, raw

OPEN = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
DATA = {"APCA-API-KEY-ID": "data", "APCA-API-SECRET-KEY": "data-secret"}


def bars(running: Running, start: datetime, end: datetime | None = None, **more: Any) -> list[dict[str, Any]]:
    frame = more.pop("timeframe", TimeFrame.Minute)
    request = StockBarsRequest(symbol_or_symbols="SPY", timeframe=frame, start=start, end=end, **more)
    answer = raw(running.history().get_stock_bars(request))
    rows: list[dict[str, Any]] = answer.get("SPY", [])
    return rows


def test_bars_when_the_tape_has_moved_then_only_what_is_over_is_there(opened: Running) -> None:
    rows = bars(opened, OPEN, OPEN + timedelta(days=1))
    assert [row["t"][11:16] for row in rows] == ["14:30", "14:31", "14:32"]
    assert rows[0]["o"] == 274.11


def test_bars_when_the_previous_session_is_asked_for_then_its_minutes_are_there_for_warm_up(alpaca: Running) -> None:
    rows = bars(alpaca, OPEN - timedelta(days=3), OPEN)
    assert len(rows) == 390
    assert (rows[0]["t"], rows[-1]["c"]) == ("2018-02-02T14:30:00.000000Z", 276.21)


def test_bars_when_the_answer_has_pages_then_following_the_token_gives_all_of_them(alpaca: Running) -> None:
    query: dict[str, Any] = {"symbols": "SPY", "timeframe": "1Min", "start": "2018-02-02", "limit": 100}
    rows: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        page = requests.get(
            f"{alpaca.url}/v2/stocks/bars", params={**query, "page_token": token}, headers=DATA, timeout=10
        ).json()
        rows += page["bars"].get("SPY", [])
        token = page["next_page_token"]
        if token is None:
            break
    assert rows == bars(alpaca, OPEN - timedelta(days=3))
    backwards = requests.get(
        f"{alpaca.url}/v2/stocks/bars", params={**query, "limit": 400, "sort": "desc"}, headers=DATA, timeout=10
    ).json()
    assert backwards["bars"]["SPY"] == rows[::-1]


def test_bars_when_they_are_grouped_then_they_are_made_of_their_minutes(opened: Running) -> None:
    opened.advance(27)
    minutes = bars(opened, OPEN)
    five = bars(opened, OPEN, timeframe=TimeFrame(5, TimeFrameUnit.Minute))
    assert [row["t"][11:16] for row in five] == ["14:30", "14:35", "14:40", "14:45", "14:50", "14:55"]
    for index, row in enumerate(five):
        group = minutes[index * 5 : index * 5 + 5]
        assert (row["o"], row["c"]) == (group[0]["o"], group[-1]["c"])
        assert (row["h"], row["l"]) == (max(one["h"] for one in group), min(one["l"] for one in group))
        assert row["v"] == sum(one["v"] for one in group)


def test_bars_when_they_are_daily_then_the_real_days_come_and_today_as_far_as_it_went(opened: Running) -> None:
    days = bars(opened, OPEN - timedelta(days=5), timeframe=TimeFrame.Day)
    assert [row["t"][:10] for row in days] == ["2018-02-01", "2018-02-02", "2018-02-05"]
    assert days[1]["c"] == 276.21
    minutes = bars(opened, OPEN)
    assert (days[2]["o"], days[2]["c"]) == (274.11, minutes[-1]["c"])
    opened.advance_to_close()
    assert bars(opened, OPEN - timedelta(days=1), timeframe=TimeFrame.Day)[-1]["c"] == 264.89


def test_latest_when_nothing_was_traded_yet_then_the_answer_is_empty(alpaca: Running) -> None:
    client = alpaca.history()
    assert client.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="SPY")) == {}
    assert client.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="SPY")) == {}
    assert client.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="SPY")) == {}


def test_latest_when_the_tape_has_moved_then_quote_trade_and_bar_belong_together(opened: Running) -> None:
    client = opened.history()
    quotes = raw(client.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=["SPY", "IWM"])))
    trade = raw(client.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="SPY")))
    bar = raw(client.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="SPY")))
    assert set(quotes) == {"SPY"}
    assert quotes["SPY"]["bp"] <= trade["SPY"]["p"] <= quotes["SPY"]["ap"]
    assert bar["SPY"]["c"] == trade["SPY"]["p"]
    snapshot = client.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="SPY"))["SPY"]
    assert isinstance(snapshot, dict)
    assert (snapshot["minuteBar"], snapshot["latestTrade"]) == (bar["SPY"], trade["SPY"])
    assert snapshot["dailyBar"]["o"] == 274.11
    assert snapshot["prevDailyBar"]["c"] == 276.21


def test_history_when_quotes_and_trades_are_asked_for_then_those_so_far_come(opened: Running) -> None:
    client = opened.history()
    quotes = raw(client.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="SPY", start=OPEN)))
    trades = raw(client.get_stock_trades(StockTradesRequest(symbol_or_symbols="SPY", start=OPEN)))
    assert len(quotes["SPY"]) == 12
    assert len(trades["SPY"]) == 12


def test_models_when_the_sdk_reads_market_data_then_none_is_refused(opened: Running) -> None:
    client = StockHistoricalDataClient("data", "data-secret", url_override=opened.url)
    found = client.get_stock_bars(StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Minute, start=OPEN))
    assert len(found["SPY"]) == 3
    assert client.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols="SPY"))["SPY"] is not None
    assert client.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="SPY"))["SPY"] is not None


def test_options_when_the_sdk_asks_then_chain_snapshots_and_contracts_are_of_the_same_market(opened: Running) -> None:
    symbol = "SPY180316C00275000"
    options = opened.options()
    chain = options.get_option_chain(OptionChainRequest(underlying_symbol="SPY"))
    assert len(chain) > 1000
    asked_for = OptionSnapshotRequest(symbol_or_symbols=symbol)
    snapshot = raw(raw(options.get_option_snapshot(asked_for))[symbol])
    assert chain[symbol] == snapshot
    assert 0 < snapshot["latestQuote"]["bp"] < snapshot["latestQuote"]["ap"]
    assert 0 < snapshot["greeks"]["delta"] < 1
    assert options.get_option_snapshot(OptionSnapshotRequest(symbol_or_symbols="SPY180317C00275000")) == {}
    asked = GetOptionContractsRequest(
        underlying_symbols=["SPY"], expiration_date_gte="2018-03-16", expiration_date_lte="2018-03-16", limit=1000
    )
    contracts = opened.typed().get_option_contracts(asked).option_contracts  # type: ignore[union-attr]
    assert symbol in {contract.symbol for contract in contracts or []}


@pytest.mark.parametrize(
    "query",
    [
        "timeframe=1Min",
        "symbols=SPY",
        "symbols=SPY&timeframe=90Min",
        "symbols=SPY&timeframe=1Min&start=soon",
        "symbols=SPY&timeframe=1Min&limit=0",
        "symbols=SPY&timeframe=1Min&limit=99999",
        "symbols=SPY&timeframe=1Min&page_token=!!!",
    ],
)
def test_bars_when_the_query_is_wrong_then_it_is_a_400_with_a_message(query: str, alpaca: Running) -> None:
    answer = requests.get(f"{alpaca.url}/v2/stocks/bars?{query}", headers=DATA, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_bars_when_there_is_no_key_then_it_is_a_401(alpaca: Running) -> None:
    answer = requests.get(f"{alpaca.url}/v2/stocks/bars?symbols=SPY&timeframe=1Min", timeout=10)
    assert answer.status_code == 401
