"""Candles that still change, held until their minute is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from functions.core.events import BarData

_REMEMBERED: Final = timedelta(hours=1)


class MinuteCandles:
    """Gives out each minute's bar once. The feed's own times say that a minute is over, never a clock of ours.

    A candle of a later minute of the same symbol ends the earlier ones at once. What other events show to be over
    waits `grace` seconds of machine time for its last change, which may be on its way.
    """

    def __init__(self, grace: float = 1.0) -> None:
        self._grace = grace
        self._open: dict[tuple[str, datetime], BarData] = {}
        self._newest: dict[str, datetime] = {}
        self._over_since: dict[tuple[str, datetime], float] = {}
        self._given: dict[tuple[str, datetime], datetime] = {}
        self._seen: datetime | None = None

    def take(self, bar: BarData, *, told_at: datetime | None = None) -> None:
        """The candle as it is now; told after its minute, where the feed says when, it is over."""
        key = (bar.symbol, bar.starts_at)
        if key not in self._given:
            self._open[key] = bar
            if told_at is not None and told_at >= bar.ends_at:
                self._over_since[key] = float("-inf")
        self._newest[bar.symbol] = max(bar.starts_at, self._newest.get(bar.symbol, bar.starts_at))

    def remove(self, symbol: str, starts_at: datetime) -> None:
        """The feed took the candle back."""
        self._open.pop((symbol, starts_at), None)
        self._over_since.pop((symbol, starts_at), None)

    def saw(self, at: datetime) -> None:
        """Something happened in the feed at this moment."""
        self._seen = at if self._seen is None else max(self._seen, at)

    def completed(self, now: float) -> list[BarData]:
        """The bars that are over, oldest first; `now` is monotonic machine time in seconds."""
        found = [bar for key, bar in self._open.items() if self._is_over(key, bar, now)]
        for bar in found:
            key = (bar.symbol, bar.starts_at)
            del self._open[key]
            self._over_since.pop(key, None)
            self._given[key] = bar.ends_at
        latest = max((bar.ends_at for bar in found), default=None)
        if latest is not None:
            self._given = {key: end for key, end in self._given.items() if end > latest - _REMEMBERED}
        return sorted(found, key=lambda bar: (bar.starts_at, bar.symbol))

    def wait(self, now: float) -> float | None:
        """Seconds until `completed` may have more without another event; None where nothing waits."""
        return max(0.0, min(self._over_since.values()) + self._grace - now) if self._over_since else None

    def _is_over(self, key: tuple[str, datetime], bar: BarData, now: float) -> bool:
        if self._newest[bar.symbol] >= bar.ends_at:
            return True
        if key not in self._over_since and (self._seen is None or self._seen < bar.ends_at):
            return False
        return now - self._over_since.setdefault(key, now) >= self._grace
