"""Alpaca's market data, clock and calendar, by a data-only credential."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from functions.brokers import alpaca_corporate_actions
from functions.brokers import alpaca_markets as wire
from functions.brokers.alpaca_client import AlpacaClient
from functions.brokers.alpaca_streams import Message, follow, telling
from functions.brokers.credentials import KeyPair
from functions.brokers.errors import BadResponse, Rejected
from functions.brokers.guard import Guard
from functions.brokers.markets import CorporateAction, Listing, MarketClock, OptionContract, OptionQuote
from functions.brokers.protocol import Connected, Quarantined
from functions.brokers.reading import mapping, optional_words, rows
from functions.brokers.row_by_row import quarantined, row_by_row
from functions.core.errors import AgentTraderError
from functions.core.events import BarData, QuoteData
from functions.core.instruments import is_option
from functions.core.market_calendar import Session, exchange_date
from functions.core.settings import Settings

_PAGE = 10_000
_NOT_FOUND = 404
_CONTRACTS_PAGE = 1_000
_SYMBOLS_AT_ONCE = 100
_OPTIONS_VERSION = "v1beta1"
_ACTIONS_PAGE = 1_000
_ACTIONS_VERSION = "v1"
# Without bounds Alpaca lists the contracts that expire by next weekend only; nothing is listed three years out.
_LAST_EXPIRY = timedelta(days=3 * 366)


class AlpacaMarketData:
    """The IEX feed: real time, one exchange's share of the volume."""

    feed = "iex"

    def __init__(self, keys: KeyPair, configuration: Settings, guard: Guard | None = None) -> None:
        from alpaca.data.historical.stock import StockHistoricalDataClient
        from alpaca.trading.client import TradingClient

        self._key = keys.key.get_secret_value()
        self._secret = keys.secret.get_secret_value()
        self._settings = configuration
        self._data = AlpacaClient(
            StockHistoricalDataClient(
                self._key, self._secret, raw_data=True, url_override=configuration.alpaca_data_url
            ),
            configuration.broker_timeout,
            guard,
        )
        self._market = AlpacaClient(
            TradingClient(
                self._key, self._secret, paper=True, raw_data=True, url_override=configuration.alpaca_trading_url
            ),
            configuration.broker_timeout,
            guard,
        )

    async def clock(self) -> MarketClock:
        return wire.clock(await self._market.read("/clock"))

    async def calendar(self, start: date, end: date) -> list[Session]:
        query = {"start": start.isoformat(), "end": end.isoformat()}
        return [wire.session(row) for row in rows(await self._market.read("/calendar", query))]

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        found: list[BarData | Quarantined] = []
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
        while True:
            answer = mapping(await self._data.read("/stocks/bars", query))
            listed = mapping(answer.get("bars") or {}).get(symbol) or []
            found.extend(row_by_row(rows(listed), lambda row: wire.bar(symbol, row, self.feed)))
            token = optional_words(answer, "next_page_token")
            if token is None:
                return found
            query["page_token"] = token

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteData | Quarantined]:
        if not symbols:
            return []
        query = {"symbols": ",".join(symbols), "feed": self.feed}
        answer = mapping(await self._data.read("/stocks/quotes/latest", query))
        return [self._quote(symbol, row) for symbol, row in mapping(answer.get("quotes") or {}).items()]

    async def listing(self, symbol: str) -> Listing | None:
        option = is_option(symbol)
        try:
            row = await self._market.read(f"/options/contracts/{symbol}" if option else f"/assets/{symbol}")
        except Rejected as error:
            if error.numbers.get("http_status") == _NOT_FOUND:
                return None
            raise
        return wire.option_listing(row) if option else wire.listing(row)

    async def corporate_actions(self, symbol: str, start: date, end: date) -> list[CorporateAction | Quarantined]:
        found: list[CorporateAction | Quarantined] = []
        query: dict[str, Any] = {
            "symbols": symbol,
            "types": alpaca_corporate_actions.TYPES,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "limit": _ACTIONS_PAGE,
            "sort": "asc",
        }
        while True:
            answer = mapping(await self._data.read("/corporate-actions", query, version=_ACTIONS_VERSION))
            found.extend(alpaca_corporate_actions.actions(answer, symbol))
            token = optional_words(answer, "next_page_token")
            if token is None:
                return sorted(found, key=lambda one: one.ex_date if isinstance(one, CorporateAction) else date.max)
            query["page_token"] = token

    async def option_chain(
        self, underlying: str, expiry: date | None = None, *, until: date | None = None
    ) -> list[OptionContract | Quarantined]:
        """Raises Rejected where Alpaca refuses the underlying; an underlying without options has an empty chain."""
        query: dict[str, Any] = {"underlying_symbols": underlying, "status": "active", "limit": _CONTRACTS_PAGE}
        if expiry is not None:
            query["expiration_date"] = expiry.isoformat()
        else:
            today = exchange_date((await self.clock()).now)
            query["expiration_date_gte"] = today.isoformat()
            query["expiration_date_lte"] = (until or today + _LAST_EXPIRY).isoformat()
        found: list[OptionContract | Quarantined] = []
        while True:
            answer = mapping(await self._market.read("/options/contracts", query))
            found.extend(row_by_row(rows(answer.get("option_contracts") or []), wire.contract))
            token = optional_words(answer, "next_page_token") or optional_words(answer, "page_token")
            if token is None:
                return sorted(found, key=_place_in_the_chain)
            query["page_token"] = token

    async def option_quotes(self, symbols: Sequence[str]) -> list[OptionQuote | Quarantined]:
        found: list[OptionQuote | Quarantined] = []
        feed = self._settings.alpaca_option_feed
        for start in range(0, len(symbols), _SYMBOLS_AT_ONCE):
            query = {"symbols": ",".join(symbols[start : start + _SYMBOLS_AT_ONCE]), "feed": feed}
            answer = mapping(await self._data.read("/options/snapshots", query, version=_OPTIONS_VERSION))
            for symbol, row in mapping(answer.get("snapshots") or {}).items():
                if isinstance(row, dict) and row.get("latestQuote") is None:
                    continue  # never quoted
                try:
                    found.append(wire.option_quote(symbol, row, feed))
                except BadResponse as error:
                    found.append(quarantined(error, row))
        return found

    async def stream(
        self, symbols: Sequence[str]
    ) -> AsyncGenerator[Connected | BarData | QuoteData | Quarantined, None]:
        from alpaca.data.live.stock import StockDataStream

        arrived: asyncio.Queue[Connected | BarData | QuoteData | Quarantined | AgentTraderError] = asyncio.Queue()

        async def heard_bar(row: Any) -> None:
            arrived.put_nowait(self._bar(str(row.get("S")), row))

        async def heard_quote(row: Any) -> None:
            arrived.put_nowait(self._quote(str(row.get("S")), row))

        stream = telling(StockDataStream, arrived)(
            self._key, self._secret, raw_data=True, url_override=self._settings.alpaca_data_stream_url
        )
        stream.subscribe_bars(heard_bar, *symbols)
        stream.subscribe_quotes(heard_quote, *symbols)
        async with contextlib.aclosing(self._followed(stream, arrived)) as messages:
            async for message in messages:
                yield message

    async def option_stream(
        self, symbols: Sequence[str]
    ) -> AsyncGenerator[Connected | OptionQuote | Quarantined, None]:
        from alpaca.data.enums import OptionsFeed
        from alpaca.data.live.option import OptionDataStream

        arrived: asyncio.Queue[Connected | OptionQuote | Quarantined | AgentTraderError] = asyncio.Queue()
        feed = self._settings.alpaca_option_feed

        async def heard(row: Any) -> None:
            try:
                arrived.put_nowait(wire.option_quote(str(row.get("S")), {"latestQuote": row}, feed))
            except BadResponse as error:
                arrived.put_nowait(quarantined(error, row))

        stream = telling(OptionDataStream, arrived)(
            self._key,
            self._secret,
            raw_data=True,
            feed=OptionsFeed(feed),
            url_override=self._settings.alpaca_option_stream_url,
        )
        stream.subscribe_quotes(heard, *symbols)
        async with contextlib.aclosing(self._followed(stream, arrived)) as messages:
            async for message in messages:
                yield message

    async def _followed(
        self, stream: Any, arrived: asyncio.Queue[Message | AgentTraderError]
    ) -> AsyncGenerator[Message, None]:
        minding = asyncio.create_task(self._mind_silence(stream))
        try:
            async with contextlib.aclosing(follow(stream, arrived)) as messages:
                async for message in messages:
                    yield message
        finally:
            minding.cancel()

    async def aclose(self) -> None:
        """Gives its connections back; safe to call twice."""
        self._data.close()
        self._market.close()

    async def _mind_silence(self, stream: Any) -> None:
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
            return quarantined(error, row)

    def _quote(self, symbol: str, row: object) -> QuoteData | Quarantined:
        try:
            return wire.quote(symbol, row, self.feed)
        except BadResponse as error:
            return quarantined(error, row)


def _place_in_the_chain(row: OptionContract | Quarantined) -> tuple[Any, ...]:
    """By expiry, strike and right; what cannot be read comes last."""
    if isinstance(row, Quarantined):
        return (date.max, row.row)
    return (row.expiry, row.strike, row.right)
