"""Alpaca's market data, clock and calendar, by a data-only credential."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from functions.brokers import alpaca_wire as wire
from functions.brokers import reading
from functions.brokers.alpaca_client import bound, read
from functions.brokers.alpaca_streams import follow, refusal
from functions.brokers.credentials import KeyPair
from functions.brokers.errors import BadResponse, Unsupported
from functions.brokers.markets import MarketClock
from functions.brokers.protocol import Connected, Quarantined
from functions.core.errors import AgentTraderError
from functions.core.events import BarData, QuoteData
from functions.core.market_calendar import Session
from functions.core.settings import Settings

if TYPE_CHECKING:
    from alpaca.data.live.stock import StockDataStream

_PAGE = 10_000
# Answers to a subscription that no second attempt changes: too many symbols, a feed that was not paid for.
_REFUSED_SUBSCRIPTIONS = (405, 409)


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
        return wire.clock(await read(lambda: self._market.get("/clock")))

    async def calendar(self, start: date, end: date) -> list[Session]:
        query = {"start": start.isoformat(), "end": end.isoformat()}
        rows = await read(lambda: self._market.get("/calendar", query))
        return [wire.session(row) for row in reading.rows(rows)]

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
            answer = reading.mapping(await read(lambda page=page: self._data.get("/stocks/bars", page)))  # type: ignore[misc]
            rows = reading.mapping(answer.get("bars") or {}).get(symbol) or []
            found.extend(self._bar(symbol, row) for row in reading.rows(rows))
            token = reading.optional_words(answer, "next_page_token")
            if token is None:
                return found

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteData | Quarantined]:
        if not symbols:
            return []
        query = {"symbols": ",".join(symbols), "feed": self.feed}
        answer = reading.mapping(await read(lambda: self._data.get("/stocks/quotes/latest", query)))
        return [self._quote(symbol, row) for symbol, row in reading.mapping(answer.get("quotes") or {}).items()]

    async def stream(
        self, symbols: Sequence[str]
    ) -> AsyncGenerator[Connected | BarData | QuoteData | Quarantined, None]:
        from alpaca.data.live.stock import StockDataStream

        arrived: asyncio.Queue[Connected | BarData | QuoteData | Quarantined | AgentTraderError] = asyncio.Queue()

        class Stream(StockDataStream):
            # A snapshot taken on `Connected` overlaps with the stream and loses nothing.
            async def _dispatch(self, msg: dict[str, Any]) -> None:
                if msg.get("T") == "subscription":
                    arrived.put_nowait(Connected())
                if msg.get("T") == "error" and msg.get("code") in _REFUSED_SUBSCRIPTIONS:
                    arrived.put_nowait(Unsupported("STREAM_REFUSED", f"Alpaca refuses the stream: {msg.get('msg')}"))
                await super()._dispatch(msg)

            async def _auth(self) -> None:
                try:
                    await super()._auth()
                except ValueError as error:
                    refused = refusal(error)
                    if refused is not None:
                        arrived.put_nowait(refused)
                    raise

        async def heard_bar(row: Any) -> None:
            arrived.put_nowait(self._bar(str(row.get("S")), row))

        async def heard_quote(row: Any) -> None:
            arrived.put_nowait(self._quote(str(row.get("S")), row))

        stream = Stream(self._key, self._secret, raw_data=True, url_override=self._settings.alpaca_data_stream_url)
        stream.subscribe_bars(heard_bar, *symbols)
        stream.subscribe_quotes(heard_quote, *symbols)
        minding = asyncio.create_task(self._mind_silence(stream))
        try:
            async with contextlib.aclosing(follow(stream, arrived)) as messages:
                async for message in messages:
                    yield message
        finally:
            minding.cancel()

    async def _mind_silence(self, stream: StockDataStream) -> None:
        """A socket can stay open and say nothing: in session the SDK then connects anew, at night silence is right."""
        silence = self._settings.stream_silence
        while True:
            # Where the clock does not answer, what was true last stays true.
            with contextlib.suppress(AgentTraderError):
                stream._data_timeout = silence if (await self.clock()).is_open else None  # noqa: SLF001 - no setter
            await asyncio.sleep(silence)

    def _bar(self, symbol: str, row: object) -> BarData | Quarantined:
        try:
            return wire.bar(symbol, row, self.feed)
        except BadResponse as error:
            return Quarantined(error.text, repr(row)[:2000])

    def _quote(self, symbol: str, row: object) -> QuoteData | Quarantined:
        try:
            return wire.quote(symbol, row, self.feed)
        except BadResponse as error:
            return Quarantined(error.text, repr(row)[:2000])
