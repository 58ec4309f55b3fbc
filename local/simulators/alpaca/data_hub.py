"""Market data on its way to whoever subscribed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgpack

from functions.backtest.market import Print, Quote
from local.simulators.alpaca import data_wire
from local.simulators.alpaca.order_body import is_option
from local.simulators.venue.clock import instant
from local.simulators.venue.connection import Connection
from local.simulators.venue.faults import Faults
from local.simulators.venue.option_market import OptionView
from local.tape.model import Bar, Session

CHANNELS = (
    *("trades", "quotes", "bars", "updatedBars", "dailyBars"),
    *("statuses", "lulds", "corrections", "cancelErrors"),
)
EVERYTHING = "*"
OPTION_FEEDS = ("indicative", "opra")


@dataclass(slots=True, eq=False)
class Subscriber:
    """A connection, whether it speaks msgpack or JSON, and the symbols it wants by channel."""

    connection: Connection
    packed: bool
    wants: dict[str, set[str]] = field(default_factory=lambda: {channel: set() for channel in CHANNELS})

    def hears(self, channel: str, symbol: str) -> bool:
        wanted = self.wants[channel]
        return symbol in wanted or EVERYTHING in wanted

    def say(self, messages: list[dict[str, Any]]) -> None:
        if self.packed:
            packed: bytes = msgpack.packb(messages, datetime=True)
            self.connection.send(packed)
        else:
            self.connection.send(json.dumps(messages, default=_text))


class DataHub:
    """One connection per key and feed, as Alpaca allows."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._subscribers: dict[tuple[str, str], Subscriber] = {}
        self._positions: dict[str, datetime] = {}

    def join(self, key: str, feed: str, subscriber: Subscriber) -> bool:
        """False where the key has a connection to this feed already."""
        return self._subscribers.setdefault((key, feed), subscriber) is subscriber

    def leave(self, key: str, feed: str, subscriber: Subscriber) -> None:
        if self._subscribers.get((key, feed)) is subscriber:
            del self._subscribers[key, feed]

    def tick(self, tick: Quote | Print) -> None:
        if isinstance(tick, Quote):
            self._send("quotes", tick.symbol, {"T": "q", "S": tick.symbol, **data_wire.quote(tick)}, tick.at)
        else:
            self._send("trades", tick.symbol, {"T": "t", "S": tick.symbol, **data_wire.trade(tick)}, tick.at)

    def option(self, view: OptionView) -> None:
        """Sends a contract's quote."""
        symbol = str(view.option)
        self._send("quotes", symbol, {"T": "q", "S": symbol, **data_wire.option_quote(view)}, view.at)

    def options_wanted(self) -> set[str]:
        """The contracts whose quotes somebody subscribed to, by symbol."""
        return {
            symbol
            for (_, feed), subscriber in self._subscribers.items()
            if feed in OPTION_FEEDS
            for symbol in subscriber.wants["quotes"]
        }

    def bars(self, bars: Iterable[Bar]) -> None:
        """Sends completed minutes; a symbol's position is the end of its last one, sent or not."""
        for bar in bars:
            self._positions[bar.symbol] = bar.ends_at
            self._send("bars", bar.symbol, {"T": "b", "S": bar.symbol, **data_wire.bar(bar)}, bar.starts_at)

    def day(self, symbol: str, session: Session, bar: dict[str, Any]) -> None:
        """Sends a day's bar at its close."""
        self._send("dailyBars", symbol, {"T": "d", "S": symbol, **bar}, session.opens_at)

    def drop(self) -> None:
        """Closes every connection and forgets it at once, so that its key may come back."""
        for subscriber in self._subscribers.values():
            subscriber.connection.close()
        self._subscribers.clear()

    def positions(self) -> dict[str, str]:
        return {symbol: instant(at) for symbol, at in sorted(self._positions.items())}

    def reset(self) -> None:
        """Forgets positions; subscribers stay."""
        self._positions.clear()

    def _send(self, channel: str, symbol: str, message: dict[str, Any], at: datetime) -> None:
        of_option = is_option(symbol)
        for (_, feed), subscriber in list(self._subscribers.items()):
            if (
                (feed in OPTION_FEEDS) == of_option
                and subscriber.hears(channel, symbol)
                and not self._faults.take("mute_data")
            ):
                # The SDK wants a msgpack timestamp here; text it drops without a word.
                subscriber.say([{**message, "t": instant(at) if self._faults.take("string_time") else at}])


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError(f"cannot be written as JSON: {value!r}")
