"""DXLink's subscriptions, and market events on their way to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from functions.backtest.market import Print, Quote
from local.simulators.tastytrade import dx_events, symbols
from local.simulators.tastytrade.dx_events import Event
from local.simulators.tastytrade.wire import NEW_YORK, instant
from local.simulators.venue.bars import grouped
from local.simulators.venue.connection import Connection
from local.simulators.venue.faults import Faults
from local.simulators.venue.quotes import Quotes
from local.tape.model import MINUTE, Bar, Session

_CANDLE: Final = re.compile(r"([^{]+)\{=(\d*)(s|m|h|d)(?:,tho=true)?\}")
_WIDTHS: Final = {"s": timedelta(seconds=1), "m": MINUTE, "h": timedelta(hours=1), "d": timedelta(days=1)}
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CandleWanted:
    """A candle subscription: the symbol as it was subscribed, the canonical one, and the width of a candle."""

    subscribed: str
    symbol: str
    width: timedelta

    @classmethod
    def read(cls, subscribed: str) -> CandleWanted | None:
        """None for a symbol that names no candles."""
        match = _CANDLE.fullmatch(subscribed)
        if match is None:
            return None
        return cls(subscribed, symbols.canonical(match[1]), int(match[2] or 1) * _WIDTHS[match[3]])


@dataclass(slots=True)
class Channel:
    """One channel of a connection: the fields of each event type, what is subscribed, and what waits to be sent."""

    number: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    wanted: set[tuple[str, str]] = field(default_factory=set)
    waiting: dict[str, list[Event]] = field(default_factory=dict)

    def add(self, kind: str, events: Iterable[Event]) -> None:
        self.waiting.setdefault(kind, []).extend(events)


@dataclass(slots=True, eq=False)
class Subscriber:
    """A connection that is authorized, and its channels."""

    connection: Connection
    channels: dict[int, Channel] = field(default_factory=dict)
    on_expiry: Callable[[], None] = lambda: None

    def say(self, message: dict[str, Any]) -> None:
        self.connection.send(json.dumps(message))


class DxHub:
    """Collects the events of a moment and sends those of a channel and a kind in one frame."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._subscribers: list[Subscriber] = []
        self._positions: dict[str, datetime] = {}

    def load(self, quotes: Quotes, now: Callable[[], datetime], session: Callable[[], Session]) -> None:
        """A new tape; subscribers stay."""
        self._quotes, self._prices, self._now, self._session = quotes, quotes.prices, now, session
        self._positions.clear()

    def join(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

    # --- what happens -----------------------------------------------------------------------------------------------

    def tick(self, tick: Quote | Print) -> None:
        name = symbols.streamer(tick.symbol)
        if isinstance(tick, Quote):
            self._spread("Quote", name, lambda: [dx_events.quote(tick)])
            self._spread("Underlying", name, lambda: self._of_underlying(tick.symbol))
            self._options(tick.symbol)
        else:
            self._spread("Trade", name, lambda: [self._trade(tick)])
            self._spread("TimeAndSale", name, lambda: [self._time_and_sale(tick)])

    def minute(self, bars: Sequence[Bar], ends_at: datetime, *, is_last: bool) -> None:
        """A minute is over. Its candle is told as it ended, and then the next minute's first one, which says that.

        A day's last minute has no next one: quotes after it show that time went on.
        """
        for bar in bars:
            self._positions[bar.symbol] = bar.ends_at
        by_symbol = {bar.symbol: bar for bar in bars}
        for subscriber in self._subscribers:
            for channel in subscriber.channels.values():
                for kind, name in sorted(channel.wanted):
                    if kind == "Candle" and (wanted := CandleWanted.read(name)) is not None:
                        channel.add(kind, self._candles(wanted, by_symbol.get(wanted.symbol), ends_at, is_last=is_last))
        for symbol in by_symbol:
            self._spread("Summary", symbols.streamer(symbol), partial(self._summaries, symbol))

    def closed(self, at: datetime) -> None:
        """A session is over: the standing quotes are told once more, at its end."""
        for symbol in self._prices.symbols:
            standing = self._prices.quote(symbol)
            if standing is not None:
                late = Quote(symbol, standing.bid, standing.ask, standing.bid_size, standing.ask_size, at)
                self._spread("Quote", symbols.streamer(symbol), partial(_quotes, late))
            self._spread("Summary", symbols.streamer(symbol), partial(self._summaries, symbol))

    # --- subscribing ------------------------------------------------------------------------------------------------

    def first(self, kind: str, name: str, from_ms: int | None) -> list[Event]:
        """What a new subscription is told at once: the latest, of candles the snapshot since `from_ms`."""
        if kind == "Candle":
            wanted = CandleWanted.read(name)
            return [] if wanted is None else self._snapshot(wanted, from_ms or 0)
        symbol = symbols.canonical(name)
        if kind == "Underlying":
            return self._of_underlying(symbol)
        if symbol not in self._prices.symbols:
            return self._of_option(kind, symbol)
        standing, last = self._prices.quote(symbol), self._prices.trade(symbol)
        match kind:
            case "Quote":
                return [] if standing is None else [dx_events.quote(standing)]
            case "Trade":
                return [] if last is None else [self._trade(last)]
            case "Summary":
                return [self._summary(symbol)]
            case "Profile":
                return [dx_events.profile(symbol, self._now())]
            case _:
                return []

    def _snapshot(self, wanted: CandleWanted, from_ms: int) -> list[Event]:
        """Newest first; its end is a row that is taken back, as dxFeed ends them."""
        start = datetime.fromtimestamp(from_ms / 1000, UTC)
        bars = [bar for bar in self._bars(wanted, start) if bar.starts_at >= start]
        events = [dx_events.candle(wanted.subscribed, bar, at=self._now()) for bar in reversed(bars)]
        end = dx_events.removed_candle(wanted.subscribed, start, flags=dx_events.REMOVE | dx_events.SNAPSHOT_END)
        rows = [*events, end]
        rows[0]["eventFlags"] |= dx_events.SNAPSHOT_BEGIN
        return rows

    def _bars(self, wanted: CandleWanted, start: datetime) -> list[Bar]:
        now = self._now()
        if wanted.width < _DAY:
            return grouped(self._prices.minutes(wanted.symbol, start, now), wanted.width)
        days = [*self._prices.days(wanted.symbol)]
        session = self._session()
        today = self._prices.today(wanted.symbol, session)
        if today is not None and (not days or days[-1].day < session.day):
            days.append(today)
        return [
            Bar(wanted.symbol, at, at + _DAY, day.open, day.high, day.low, day.close, day.volume)
            for day in days
            for at in [datetime.combine(day.day, datetime.min.time(), UTC)]
        ]

    def _candles(self, wanted: CandleWanted, bar: Bar | None, ends_at: datetime, *, is_last: bool) -> list[Event]:
        began = ends_at - MINUTE
        if wanted.width != MINUTE:
            bars = self._bars(wanted, ends_at - max(wanted.width, _DAY)) if bar is not None else []
            return [dx_events.candle(wanted.subscribed, bars[-1], at=ends_at)] if bars else []
        if bar is None:
            return [dx_events.removed_candle(wanted.subscribed, began)]
        events = [dx_events.candle(wanted.subscribed, bar)]
        if not is_last:
            close = bar.close
            opening = Bar(bar.symbol, ends_at, ends_at + MINUTE, close, close, close, close, 0, 0)
            events.append(dx_events.candle(wanted.subscribed, opening, at=ends_at))
        return events

    def _trade(self, tick: Print) -> Event:
        day = tick.at.astimezone(NEW_YORK).date()
        before = self._prices.previous_close(tick.symbol, day)
        return dx_events.trade(tick, day, before, self._prices.today(tick.symbol, self._session()))

    def _time_and_sale(self, tick: Print) -> Event:
        return dx_events.time_and_sale(tick, self._prices.quote(tick.symbol))

    def _summaries(self, symbol: str) -> list[Event]:
        return [self._summary(symbol)]

    def _summary(self, symbol: str) -> Event:
        session = self._session()
        before = [day for day in self._prices.days(symbol) if day.day < session.day]
        today = self._prices.today(symbol, session)
        return dx_events.summary(symbol, session.day, self._now(), today, before[-1] if before else None)

    def _options(self, underlying: str) -> None:
        """The options of an underlying that anybody wants, priced anew."""
        wanted = {
            one
            for subscriber in self._subscribers
            for channel in subscriber.channels.values()
            for one in channel.wanted
        }
        for kind, name in sorted(wanted):
            if name.startswith(".") and symbols.underlying(name) == underlying:
                self._spread(kind, name, partial(self._of_option, kind, symbols.canonical(name)))

    def _of_option(self, kind: str, symbol: str) -> list[Event]:
        view = self._quotes.options.view(symbol)
        if view is None:
            return []
        match kind:
            case "Quote":
                return [dx_events.quote(view.quote)]
            case "Greeks":
                return [dx_events.greeks(view)]
            case "TheoPrice":
                spot = self._quotes.options.spot(view.option.root)
                return [] if spot is None else [dx_events.theo_price(view, spot)]
            case "Profile":
                return [dx_events.profile(symbol, self._now())]
            case _:
                return []

    def _of_underlying(self, symbol: str) -> list[Event]:
        """The volatility of the contract nearest to the money."""
        options, spot = self._quotes.options, self._quotes.options.spot(symbol)
        chain = options.chain(symbol) if symbol in self._prices.symbols and spot is not None else []
        if not chain or spot is None:
            return []
        view = options.view(str(min(chain, key=lambda one: (one.expiry, abs(one.strike - spot), one.right))))
        return [] if view is None else [dx_events.underlying(symbol, view.at, view.volatility)]

    # --- sending ----------------------------------------------------------------------------------------------------

    def _spread(self, kind: str, name: str, make: Callable[[], list[Event]]) -> None:
        made: list[Event] | None = None
        for subscriber in self._subscribers:
            for channel in subscriber.channels.values():
                if (kind, name) in channel.wanted:
                    made = make() if made is None else made
                    channel.add(kind, made)

    def release(self) -> None:
        """Sends what waits."""
        for subscriber in list(self._subscribers):
            self.flush(subscriber)

    def flush(self, subscriber: Subscriber) -> None:
        """Sends what waits for one connection."""
        for channel in subscriber.channels.values():
            for kind in list(channel.waiting):
                self._send(subscriber, channel, kind)

    def _send(self, subscriber: Subscriber, channel: Channel, kind: str) -> None:
        events = channel.waiting[kind]
        batch = self._faults.peek("dxlink_batches")
        if batch is not None:
            if len(events) < batch.numbers["events"]:
                return
            self._faults.take("dxlink_batches")
        del channel.waiting[kind]
        events = [dx_events.without_numbers(one) if self._faults.take("dxlink_nan") else one for one in events]
        if self._faults.take("mute_data") or (kind == "Candle" and self._faults.take("mute_candles")):
            return
        values = dx_events.compact(events, channel.fields[kind])
        subscriber.say({"type": "FEED_DATA", "channel": channel.number, "data": [kind, values]})

    def tell_error(self) -> None:
        """Every connection is told of an error; it stays open, and clients give up by themselves."""
        for subscriber in self._subscribers:
            subscriber.say({"type": "ERROR", "channel": 0, "error": "BAD_ACTION", "message": "Something went wrong"})

    def expire(self) -> None:
        """Every connection loses its authorization."""
        for subscriber in list(self._subscribers):
            subscriber.channels.clear()
            subscriber.say({"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"})
            self.leave(subscriber)
            subscriber.on_expiry()

    def drop(self) -> None:
        """Closes every connection and forgets it at once."""
        for subscriber in self._subscribers:
            subscriber.connection.close()
        self._subscribers.clear()

    def positions(self) -> dict[str, str]:
        """The end of each symbol's last minute, sent or not."""
        return {symbol: instant(at) for symbol, at in sorted(self._positions.items())}


def _quotes(quote: Quote) -> list[Event]:
    return [dx_events.quote(quote)]
