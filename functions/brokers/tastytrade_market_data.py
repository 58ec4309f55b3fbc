"""tastytrade's market data, clock and calendar: lists by its API, quotes and candles by dxFeed's stream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from websockets.exceptions import WebSocketException

from functions.brokers import tastytrade_markets as wire
from functions.brokers.credentials import TastytradeLogin
from functions.brokers.dxlink import REMOVED, SNAPSHOT_END, SNAPSHOT_SNIP, DxLink, Event, dxlink
from functions.brokers.dxlink_trades import TradesInstead, sooner
from functions.brokers.errors import BadResponse, NoBars, NotConnected, Rejected, Unsupported
from functions.brokers.markets import CorporateAction, Listing, MarketClock, OptionContract, OptionQuote
from functions.brokers.minute_candles import MinuteCandles
from functions.brokers.protocol import Connected, FeedMessage, Quarantined
from functions.brokers.reading import words
from functions.brokers.row_by_row import quarantined, row_by_row
from functions.brokers.tastytrade import market_clock
from functions.brokers.tastytrade_client import TastytradeClient, is_missing, items
from functions.brokers.tastytrade_stream import supervised
from functions.brokers.tastytrade_symbols import heard, outside, streamed
from functions.core.errors import AgentTraderError
from functions.core.events import BarData, QuoteData
from functions.core.instruments import OptionSymbol, symbol_kind
from functions.core.market_calendar import Session
from functions.core.settings import Settings

if TYPE_CHECKING:
    from functions.brokers.access_tokens import AccessTokens
    from functions.brokers.guard import Guard

_MOST_SYMBOLS: Final = 100
_MISSING: Final = ("NaN", None)
_PRICES: Final = ("open", "high", "low", "close", "volume")
_QUOTED: Final = ("bidPrice", "askPrice", "bidSize", "askSize")
# One minute, of the regular session, as Alpaca's and the exchange's bars of it are.
_MINUTES: Final = "{{=1m,tho=true}}"
# The certification environment is a quarter of an hour late, and its messages do not say so.
Dated = TypeVar("Dated", BarData, QuoteData)
_PAPER_DELAY: Final = 900

OptionMessage = Connected | OptionQuote | Quarantined


class TastytradeMarketData:
    """dxFeed's consolidated feed. Quotes of the certification environment say that they are 15 minutes late."""

    feed = wire.FEED

    def __init__(
        self,
        login: TastytradeLogin,
        configuration: Settings,
        *,
        is_paper: bool,
        guard: Guard | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        """Raises Misconfigured WRONG_ENDPOINT."""
        self._client = TastytradeClient(login, configuration, is_paper=is_paper, guard=guard, tokens=tokens)
        self._settings = configuration
        self._delay = _PAPER_DELAY if is_paper else 0

    async def clock(self) -> MarketClock:
        return await market_clock(self._client)

    async def calendar(self, start: date, end: date) -> list[Session]:
        return wire.calendar((await self._client.read("/market-time/equities/holidays")).data, start, end)

    async def bars(self, symbol: str, start: datetime, end: datetime) -> list[BarData | Quarantined]:
        """As the protocol says; asked of the stream, which first tells the candles since `start`."""
        try:
            async with asyncio.timeout(self._settings.broker_timeout * 2):
                events, now = await self._candles_since(symbol, start)
        except (TimeoutError, WebSocketException, OSError, EOFError) as error:
            raise NotConnected("NO_CANDLES", f"no candles came in time: {type(error).__name__}") from error
        found: dict[datetime, BarData] = {}
        bad: list[BarData | Quarantined] = []
        for event in events:
            if isinstance(event, Quarantined):
                bad.append(event)
            elif _has(event, _PRICES):
                try:
                    bar = wire.candle(event.values)
                except BadResponse as error:
                    bad.append(quarantined(error, event.values))
                    continue
                if start <= bar.starts_at <= end and bar.ends_at <= now:
                    found[bar.starts_at] = bar
        return [*(self._dated(found[at]) for at in sorted(found)), *bad]

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteData | Quarantined]:
        rows = await self._market_data("equity", symbols)
        told = row_by_row([row for row in rows if not isinstance(row, dict) or wire.has_quote(row)], wire.quote)
        return [self._dated(one) if isinstance(one, QuoteData) else one for one in told]

    async def listing(self, symbol: str) -> Listing | None:
        kind = symbol_kind(symbol)
        if kind not in ("stock", "option"):
            return None
        option = OptionSymbol.parse(symbol) if kind == "option" else None
        share = await self._instrument(f"/instruments/equities/{outside(option.root if option else symbol)}")
        if option is None:
            return None if share is None else wire.share_listing(share)
        row = await self._instrument(f"/instruments/equity-options/{option.padded()}")
        return None if row is None or share is None else wire.option_listing(row, share)

    async def corporate_actions(self, symbol: str, start: date, end: date) -> list[CorporateAction | Quarantined]:
        text = f"tastytrade lists dividends and no splits; read the corporate actions of {symbol} at Alpaca"
        raise Unsupported("UNSUPPORTED_CORPORATE_ACTIONS", text)

    async def option_chain(
        self, underlying: str, expiry: date | None = None, *, until: date | None = None
    ) -> list[OptionContract | Quarantined]:
        try:
            answer = await self._client.read(f"/option-chains/{outside(underlying)}/nested")
        except Rejected as error:
            if is_missing(error):
                return []
            raise
        contracts: list[OptionContract | Quarantined] = []
        for root in items(answer):
            try:
                strikes = wire.chain(root, expiry, until)
            except BadResponse as error:
                contracts.append(quarantined(error, root))
                continue
            for right in ("call", "put"):
                contracts.extend(row_by_row(strikes, partial(wire.contract, right)))
        return sorted(contracts, key=_place)

    async def option_quotes(self, symbols: Sequence[str]) -> list[OptionQuote | Quarantined]:
        told = row_by_row(await self._market_data("equity-option", symbols), wire.option_quote)
        return [self._dated_option(one) if isinstance(one, OptionQuote) else one for one in told]

    async def stream(self, symbols: Sequence[str]) -> AsyncGenerator[FeedMessage, None]:
        names = [streamed(symbol) for symbol in symbols]
        async with contextlib.aclosing(supervised(partial(self._talk, names))) as messages:
            async for message in messages:
                yield self._dated(message) if isinstance(message, BarData | QuoteData) else message

    async def option_stream(
        self, symbols: Sequence[str]
    ) -> AsyncGenerator[Connected | OptionQuote | Quarantined, None]:
        names = [streamed(symbol) for symbol in symbols]
        async with contextlib.aclosing(supervised(partial(self._talk_options, names))) as messages:
            async for message in messages:
                yield self._dated_option(message) if isinstance(message, OptionQuote) else message

    async def aclose(self) -> None:
        """Gives its connections back; safe to call twice."""
        await self._client.aclose()

    def _dated(self, told: Dated) -> Dated:
        return told.model_copy(update={"delay_seconds": self._delay})

    def _dated_option(self, quote: OptionQuote) -> OptionQuote:
        return replace(quote, delay_seconds=self._delay)

    async def _talk(self, names: Sequence[str], put: Callable[[FeedMessage], None]) -> None:
        """One connection of the stream, until it is lost.

        Where no candle comes for too long, or candles are refused, trades are asked for until one comes.
        """
        url, token, now = await self._feed()
        async with dxlink(url, token) as link:
            if names:
                await link.subscribe("Quote", [{"symbol": name} for name in names])
                await link.subscribe("Candle", [_candles(name, now) for name in names])
            put(Connected())
            candles, silence = MinuteCandles(), _Silence(self._settings.stream_silence)
            trades = TradesInstead(link, names, self._settings.candle_silence, self._delay)
            hearing = asyncio.create_task(link.events())
            minding = asyncio.create_task(self._mind(silence))
            try:
                while True:
                    time = asyncio.get_running_loop().time
                    await asyncio.wait(
                        {hearing, minding},
                        timeout=sooner(candles.wait(time()), trades.wait()),
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                    if minding.done():
                        await minding
                    if hearing.done():
                        events, hearing = await hearing, asyncio.create_task(link.events())
                        silence.heard(bool(events))
                        await trades.heard(events, put)
                        for event in events:
                            _apply(event, candles, put)
                    await trades.ask(put)
                    for bar in candles.completed(time()):
                        put(bar)
            finally:
                for task in (hearing, minding):
                    task.cancel()
                await asyncio.gather(hearing, minding, return_exceptions=True)

    async def _talk_options(self, names: Sequence[str], put: Callable[[OptionMessage], None]) -> None:
        """One connection for quotes of contracts, until it is lost."""
        url, token, _ = await self._feed()
        async with dxlink(url, token) as link:
            await link.subscribe("Quote", [{"symbol": name} for name in names])
            put(Connected())
            silence = _Silence(self._settings.stream_silence)
            minding = asyncio.create_task(self._mind(silence))
            try:
                while True:
                    hearing = asyncio.create_task(link.events())
                    await asyncio.wait({hearing, minding}, return_when=asyncio.FIRST_COMPLETED)
                    if minding.done():
                        hearing.cancel()
                        await minding
                    events = await hearing
                    silence.heard(bool(events))
                    for event in events:
                        _put_option(event, put)
            finally:
                minding.cancel()

    async def _mind(self, silence: _Silence) -> None:
        """A socket can stay open and say nothing: in session it is opened again, at night silence is right."""
        while True:
            await silence.lasts()
            is_open = False
            # Where the clock does not answer, nothing is known, and the stream may stay.
            with contextlib.suppress(AgentTraderError):
                is_open = (await self.clock()).is_open
            if is_open:
                raise NotConnected("STREAM_SILENT", "the market data stream says nothing in session")

    async def _candles_since(self, symbol: str, start: datetime) -> tuple[list[Event | Quarantined], datetime]:
        url, token, now = await self._feed()
        found: list[Event | Quarantined] = []
        async with dxlink(url, token) as link:
            await link.subscribe("Candle", [_candles(streamed(symbol), start)])
            try:
                async with asyncio.timeout(self._settings.broker_timeout):
                    while "Candle" not in link.refused and not await _collect(link, found):
                        pass
            except TimeoutError:
                raise NoBars("NO_CANDLES", "the market data stream is there, and no candles come") from None
            if "Candle" in link.refused:
                raise NoBars("CANDLES_REFUSED", "the market data stream serves no candles to this login")
        return found, now

    async def _feed(self) -> tuple[str, str, datetime]:
        """The stream's address, a token for it, and the broker's time."""
        answer = await self._client.read("/api-quote-tokens")
        try:
            return words(answer.data, "dxlink-url"), words(answer.data, "token"), answer.told_at or datetime.now(UTC)
        except BadResponse as error:
            raise NotConnected("TASTYTRADE_UNAVAILABLE", f"no token of the market data stream: {error.text}") from error

    async def _market_data(self, kind: str, symbols: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(symbols), _MOST_SYMBOLS):
            names = [outside(symbol) for symbol in symbols[start : start + _MOST_SYMBOLS]]
            found.extend(items(await self._client.read("/market-data/by-type", {kind: names})))
        return found

    async def _instrument(self, path: str) -> object | None:
        try:
            return (await self._client.read(path)).data
        except Rejected as error:
            if is_missing(error):
                return None
            raise


class _Silence:
    """How long nothing came."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._heard = asyncio.get_running_loop().time()

    def heard(self, something: bool) -> None:
        if something:
            self._heard = asyncio.get_running_loop().time()

    async def lasts(self) -> None:
        """Returns when nothing came for too long; a further call waits as long again."""
        begun = asyncio.get_running_loop().time()
        while True:
            rest = max(self._heard, begun) + self._longest - asyncio.get_running_loop().time()
            if rest <= 0:
                return
            await asyncio.sleep(rest)


def _put_option(event: Event | Quarantined, put: Callable[[OptionMessage], None]) -> None:
    if isinstance(event, Quarantined):
        put(event)
    elif event.kind == "Quote":
        at = wire.event_time(event.values, "eventTime", "bidTime", "askTime")
        try:
            put(wire.streamed_option_quote(event.values, at or datetime.now(UTC)))
        except BadResponse as error:
            put(quarantined(error, event.values))


def _apply(event: Event | Quarantined, candles: MinuteCandles, put: Callable[[FeedMessage], None]) -> None:
    if isinstance(event, Quarantined):
        put(event)
        return
    try:
        if event.kind == "Quote" and _has(event, _QUOTED):
            at = wire.event_time(event.values, "eventTime", "bidTime", "askTime")
            quote = wire.streamed_quote(event.values, at or datetime.now(UTC))
            if at is not None:
                candles.saw(at)
            put(quote)
        elif event.kind == "Candle":
            _apply_candle(event, candles)
        elif event.kind == "TimeAndSale" and event.values.get("extendedTradingHours") is not True:
            put(wire.trade_print(event.values))
    except BadResponse as error:
        put(quarantined(error, event.values))


def _apply_candle(event: Event, candles: MinuteCandles) -> None:
    at = wire.event_time(event.values, "time")
    if at is not None and _flags(event) & REMOVED:
        candles.remove(heard(event.values.get("eventSymbol")), at)
    elif _has(event, _PRICES):
        candles.take(wire.candle(event.values), told_at=wire.event_time(event.values, "eventTime"))


async def _collect(link: DxLink, found: list[Event | Quarantined]) -> bool:
    """Takes what came; True where the snapshot has ended."""
    ended = False
    for event in await link.events():
        if isinstance(event, Quarantined):
            found.append(event)
        elif event.kind == "Candle":
            flags = _flags(event)
            ended = ended or bool(flags & (SNAPSHOT_END | SNAPSHOT_SNIP))
            if not flags & REMOVED:
                found.append(event)
    return ended


def _flags(event: Event) -> int:
    value = event.values.get("eventFlags")
    return int(value) if isinstance(value, int | float) and value == value else 0


def _has(event: Event, fields: Sequence[str]) -> bool:
    """Whether it says all of these: what is NaN is missing, and stays so."""
    values = (event.values.get(field) for field in fields)
    return all(value not in _MISSING and value == value for value in values)


def _candles(name: str, since: datetime) -> dict[str, Any]:
    # Without a time the whole history would come, from 1970 on.
    return {"symbol": name + _MINUTES.format(), "fromTime": int(since.timestamp() // 60 * 60 * 1000)}


def _place(one: OptionContract | Quarantined) -> tuple[int, Any]:
    return (1, ()) if isinstance(one, Quarantined) else (0, (one.expiry, one.strike, one.right, one.symbol))
