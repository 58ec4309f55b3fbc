"""Alpaca's market data, clock and calendar, by a data-only credential."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from functions.brokers import alpaca_wire as wire
from functions.brokers.alpaca_client import bound, read
from functions.brokers.credentials import KeyPair
from functions.brokers.errors import BadResponse
from functions.brokers.protocol import Connected, MarketClock, Quarantined
from functions.core.events import BarData, QuoteData
from functions.core.market_calendar import Session
from functions.core.settings import Settings

_PAGE = 10_000


class AlpacaMarketData:
    """The IEX feed: real time, one exchange's share of the volume."""

    feed = "iex"

    def __init__(self, keys: KeyPair, configuration: Settings) -> None:
        from alpaca.data.historical.stock import StockHistoricalDataClient
        from alpaca.trading.client import TradingClient

        self._key = keys.key.get_secret_value()
        self._secret = keys.secret.get_secret_value()
        self._settings = configuration
        self._data = StockHistoricalDataClient(
            self._key, self._secret, raw_data=True, url_override=configuration.alpaca_data_url
        )
        self._market = TradingClient(
            self._key, self._secret, paper=True, raw_data=True, url_override=configuration.alpaca_trading_url
        )
        bound(self._data, configuration.broker_timeout)
        bound(self._market, configuration.broker_timeout)

    async def clock(self) -> MarketClock:
        row: Any = await read(lambda: self._market.get("/clock"))
        return MarketClock(now=wire.moment(row.get("timestamp"), "timestamp"), is_open=bool(row.get("is_open")))

    async def calendar(self, start: date, end: date) -> list[Session]:
        query = {"start": start.isoformat(), "end": end.isoformat()}
        rows: Any = await read(lambda: self._market.get("/calendar", query))
        return [_session(row) for row in rows]

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        found: list[BarData | Quarantined] = []
        token: str | None = None
        while True:
            query: dict[str, Any] = {
                "symbols": symbol,
                "timeframe": "1Min",
                "start": start.isoformat(),
                "end": end.isoformat(),
                "limit": _PAGE,
                "adjustment": "raw",
                "feed": self.feed,
                "sort": "asc",
            }
            if token:
                query["page_token"] = token
            page = query
            answer: Any = await read(lambda page=page: self._data.get("/stocks/bars", page))  # type: ignore[misc]
            rows = (answer.get("bars") or {}).get(symbol) or []
            found.extend(self._bar(symbol, row) for row in rows)
            token = answer.get("next_page_token")
            if not token:
                return found

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteData | Quarantined]:
        if not symbols:
            return []
        query = {"symbols": ",".join(symbols), "feed": self.feed}
        answer: Any = await read(lambda: self._data.get("/stocks/quotes/latest", query))
        return [self._quote(symbol, row) for symbol, row in (answer.get("quotes") or {}).items()]

    async def stream(self, symbols: Sequence[str]) -> AsyncIterator[Connected | BarData | QuoteData | Quarantined]:
        from alpaca.data.live.stock import StockDataStream

        arrived: asyncio.Queue[Connected | BarData | QuoteData | Quarantined] = asyncio.Queue()

        class Stream(StockDataStream):
            # The SDK subscribes after this; a snapshot taken on `Connected` overlaps with the stream and loses nothing.
            async def _send_subscribe_msg(self) -> None:
                await super()._send_subscribe_msg()
                arrived.put_nowait(Connected())

        async def heard_bar(row: Any) -> None:
            arrived.put_nowait(self._bar(str(row.get("S")), row))

        async def heard_quote(row: Any) -> None:
            arrived.put_nowait(self._quote(str(row.get("S")), row))

        stream = Stream(self._key, self._secret, raw_data=True, url_override=self._settings.alpaca_data_stream_url)
        stream.subscribe_bars(heard_bar, *symbols)
        stream.subscribe_quotes(heard_quote, *symbols)
        running = asyncio.create_task(stream._run_forever())  # noqa: SLF001 - run() would start a loop of its own
        try:
            while True:
                yield await arrived.get()
        finally:
            running.cancel()
            await stream.close()

    def _bar(self, symbol: str, row: Mapping[str, Any]) -> BarData | Quarantined:
        try:
            return wire.bar(symbol, row, self.feed)
        except BadResponse as error:
            return Quarantined(error.text, repr(row)[:2000])

    def _quote(self, symbol: str, row: Mapping[str, Any]) -> QuoteData | Quarantined:
        try:
            return wire.quote(symbol, row, self.feed)
        except BadResponse as error:
            return Quarantined(error.text, repr(row)[:2000])


def _session(row: Mapping[str, Any]) -> Session:
    try:
        day = date.fromisoformat(str(row.get("date")))
        opens, closes = (dt.time.fromisoformat(str(row.get(name))) for name in ("open", "close"))
    except ValueError:
        raise BadResponse("a calendar row needs date, open and close", row) from None
    # Alpaca's calendar carries no zone: its times are the exchange's wall clock.
    return Session.in_new_york(day, opens, closes)
