"""Whether a broker is there at all: after failures in a row nobody asks it any more, but for one probe at a time.

Kept in the hot store, so that each process need not find out by itself. Broker-neutral. Urgent calls do not ask it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from functions.brokers.errors import NotConnected
from functions.core.errors import Temporary
from functions.core.hotstore.port import HotStore
from functions.core.identity import named_uuid
from functions.core.log import logger
from functions.core.runtime import owner

_log = logger("brokers")


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """Opens after `failures` in a row for `seconds`, twice as long after each failed probe up to `most_seconds`.

    `look_again` is how long a process trusts what it last read in the hot store; all in seconds of machine time.
    """

    failures: int = 5
    seconds: float = 5.0
    most_seconds: float = 60.0
    look_again: float = 1.0


class Breaker:
    """The breaker of one broker. Thread-safe; without the hot store it works on what this process saw."""

    def __init__(
        self, hot: HotStore, broker: str, rule: BreakerRule | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._hot = hot
        self._broker = broker
        self._key = f"breaker:{broker}"
        self._rule = rule or BreakerRule()
        self._now = now
        self._owner = f"{owner()}:{named_uuid('breaker', broker, id(self))}"
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0
        self._pause = 0.0
        self._read_at = float("-inf")
        self._probing = False

    def admit(self) -> None:
        """Lets a call through. Raises NotConnected BROKER_DOWN while the breaker is open."""
        with self._lock:
            now = self._now()
            if now - self._read_at >= self._rule.look_again:
                self._look(now)
            if not self._pause:
                return
            if now >= self._open_until and not self._probing and self._probe():
                self._probing = True
                return
            raise NotConnected(
                "BROKER_DOWN", f"{self._broker} does not answer; it is asked again in {self._rest(now):.0f} s"
            )

    def withdrawn(self) -> None:
        """A call that was let through is not made after all."""
        with self._lock:
            self._probing = False

    def succeeded(self) -> None:
        """The broker answered."""
        with self._lock:
            self._failures, self._probing = 0, False
            if self._pause:
                self._pause = 0.0
                _log.info("breaker closed", broker=self._broker)
                self._shared(lambda: self._hot.delete(self._key))

    def failed(self) -> None:
        """The broker did not answer."""
        with self._lock:
            now = self._now()
            self._failures += 1
            if self._pause and not self._probing:
                return
            if not self._pause and self._failures < self._rule.failures:
                return
            self._probing = False
            self._pause = min(self._pause * 2, self._rule.most_seconds) if self._pause else self._rule.seconds
            self._open_until = now + self._pause
            _log.error("breaker open", broker=self._broker, failures=self._failures, seconds=self._pause)
            value = {"until": self._open_until, "pause": self._pause}
            self._shared(lambda: self._hot.put(self._key, value))

    def _look(self, now: float) -> None:
        self._read_at = now
        entry = self._shared(lambda: self._hot.get(self._key), or_else=self)
        if entry is self:
            return
        if entry is None:
            self._pause = 0.0
            return
        try:
            self._open_until, self._pause = float(entry.value["until"]), float(entry.value["pause"])
        except (TypeError, KeyError, ValueError):
            self._pause = 0.0

    def _probe(self) -> bool:
        """One process at a time asks whether the broker is back."""
        ttl = timedelta(seconds=self._rule.seconds)
        held = self._shared(lambda: self._hot.acquire(f"probe:{self._broker}", self._owner, ttl), or_else=self)
        return held is not None

    def _rest(self, now: float) -> float:
        return max(0.0, self._open_until - now)

    def _shared(self, call: Callable[[], Any], or_else: Any = None) -> Any:
        """The hot store is a courtesy to the others: where it does not answer, this process decides by itself."""
        try:
            return call()
        except Temporary as error:
            _log.warning("breaker not shared", broker=self._broker, reason=str(error))
            return or_else
