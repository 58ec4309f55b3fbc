"""How often a broker is asked: a token bucket for each key, shared by every process through the hot store.

A process takes tokens from the shared bucket in blocks and spends them by itself, so most calls cost no round trip.
Broker-neutral.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.core.errors import Temporary
from functions.core.hotstore.port import HotStore
from functions.core.log import logger

_log = logger("brokers")
_ATTEMPTS = 5
# Tokens of a block that were not spent within this time are gone: whoever holds them may be asleep.
_BLOCK_SECONDS = 5.0
_PAUSE_UNSAID = 5.0


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `per_minute` calls in any minute: a burst at once, the rest as it trickles in.

    `reserved` calls of the burst are for the urgent lane alone; `block` is taken from the shared bucket at a time.
    """

    per_minute: int = 150
    burst: int = 40
    reserved: int = 10
    block: int = 5

    @classmethod
    def of(cls, per_minute: int) -> Rate:
        """The shape that fits a number of calls: about a quarter at once, a quarter of that in reserve."""
        burst = max(2, per_minute // 4)
        reserved = max(1, burst // 4)
        return cls(per_minute, burst, reserved, max(1, min(5, burst - reserved)))

    @property
    def per_second(self) -> float:
        return max(1, self.per_minute - self.burst) / 60


class RateBudget:
    """The budget of one key. Thread-safe; a hot store that does not answer leaves each process a share of its own."""

    def __init__(self, hot: HotStore, key: str, rate: Rate, now: Callable[[], float] = time.time) -> None:
        self._hot = hot
        self._key = f"rate:{key}"
        self._rate = rate
        self._now = now
        self._lock = threading.Lock()
        self._tokens = 0
        self._until = 0.0
        self._paused_until = 0.0
        self._alone = float(rate.block)
        self._alone_at = now()

    def take(self, *, urgent: bool = False) -> float:
        """Takes one call: 0 where it may be made now, else the seconds until it is worth asking again.

        The urgent lane is always let through; what it uses is counted.
        """
        with self._lock:
            now = self._now()
            if not urgent and now < self._paused_until:
                return self._paused_until - now
            if self._tokens and now < self._until:
                self._tokens -= 1
                return 0.0
            try:
                granted, wait = self._draw(now, urgent=urgent)
            except Temporary as error:
                _log.warning("rate budget not shared", key=self._key, reason=str(error))
                granted, wait = self._draw_alone(now)
            if granted:
                self._tokens, self._until = granted - 1, now + _BLOCK_SECONDS
                return 0.0
            if not urgent:
                self._paused_until = max(self._paused_until, min(now + wait, now + 1.0))
            return 0.0 if urgent else wait

    def exhausted(self, seconds: float | None) -> None:
        """The broker says that the budget is used up: the bucket is empty for everybody, for so long."""
        pause = _PAUSE_UNSAID if seconds is None else max(seconds, 0.0)
        with self._lock:
            now = self._now()
            self._tokens, self._paused_until = 0, now + pause
            try:
                self._hot.put(self._key, {"tokens": 0.0, "at": now + pause})
            except Temporary as error:
                _log.warning("rate budget not shared", key=self._key, reason=str(error))

    def _draw(self, now: float, *, urgent: bool) -> tuple[int, float]:
        """A block out of the shared bucket, or none and how long until there is one call in it."""
        rate = self._rate
        for _ in range(_ATTEMPTS):
            entry = self._hot.get(self._key)
            tokens, at = _read(entry.value if entry is not None else None, rate, now)
            # A time ahead is a pause that the broker asked for.
            tokens = min(rate.burst, tokens + max(0.0, now - at) * rate.per_second)
            left = tokens if urgent else tokens - rate.reserved
            granted = min(rate.block if not urgent else 1, int(left)) if at <= now or urgent else 0
            if granted < 1 and not urgent:
                return 0, max(at - now, (1 - left) / rate.per_second)
            value = {"tokens": max(0.0, tokens - max(granted, 1)), "at": max(at, now)}
            if self._hot.compare_and_set(self._key, value, entry.version if entry is not None else None) is not None:
                return max(granted, 1), 0.0
        # Others are quicker: there are many of them, so it is time to slow down.
        return 0, 1 / rate.per_second

    def _draw_alone(self, now: float) -> tuple[int, float]:
        """A quarter of the rate, since nobody knows what the others take."""
        per_second = self._rate.per_second / 4
        self._alone = min(float(self._rate.block), self._alone + (now - self._alone_at) * per_second)
        self._alone_at = now
        if self._alone < 1:
            return 0, (1 - self._alone) / per_second
        self._alone -= 1
        return 1, 0.0


def _read(value: Any, rate: Rate, now: float) -> tuple[float, float]:
    """Tokens and their time; a full bucket where nothing readable is kept."""
    try:
        return float(value["tokens"]), float(value["at"])
    except (TypeError, KeyError, ValueError):
        return float(rate.burst), now
