"""Trades of a DXLink connection, asked for while its candles do not come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from functions.brokers.dxlink import DxLink, Event
from functions.brokers.protocol import BarsMissing, Connected, FeedMessage, Quarantined


class TradesInstead:
    """Every trade, asked for while no candles come."""

    def __init__(self, link: DxLink, names: Sequence[str], longest: float, delay_seconds: int) -> None:
        self._link = link
        self._names = names
        self._longest = longest
        self._delay = delay_seconds
        self._candle_at = asyncio.get_running_loop().time()
        self._requested = self._asked = False

    def wait(self) -> float | None:
        """Seconds until `ask` may have to; None where it has, or only the peer's answer can tell."""
        if self._asked or not self._can or (self._requested and not self._link.is_open("TimeAndSale")):
            return None
        return 0.0 if "Candle" in self._link.refused else max(0.0, self._longest - self._silent_for())

    async def ask(self, put: Callable[[FeedMessage], None]) -> None:
        """Asks where it is time to: for a channel the first time, and then for the trades."""
        if self._asked or not self._can:
            return
        if "Candle" not in self._link.refused and self._silent_for() < self._longest:
            return
        if not self._link.is_open("TimeAndSale"):
            if not self._requested:
                await self._link.request("TimeAndSale")
            self._requested = True
            return
        await self._link.add("TimeAndSale", [{"symbol": name} for name in self._names])
        self._asked = True
        put(BarsMissing(self._delay))

    def _silent_for(self) -> float:
        return asyncio.get_running_loop().time() - self._candle_at

    async def heard(self, events: Sequence[Event | Quarantined], put: Callable[[FeedMessage], None]) -> None:
        """A candle says that they come again: what was missed is theirs to tell."""
        if any(isinstance(event, Event) and event.kind == "Candle" for event in events):
            self._candle_at = asyncio.get_running_loop().time()
            if self._asked:
                await self._link.unsubscribe("TimeAndSale")
                self._asked = False
                put(Connected())

    @property
    def _can(self) -> bool:
        return bool(self._names) and "TimeAndSale" not in self._link.refused


def sooner(one: float | None, other: float | None) -> float | None:
    """The shorter of two waits; None where nothing is waited for."""
    known = [seconds for seconds in (one, other) if seconds is not None]
    return min(known, default=None)
