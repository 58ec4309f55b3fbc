"""The store itself: entries with versions, leases with expiry. One thread, no I/O, the clocks are given."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

# Versions stay below 2**53, so that they cross JSON unharmed in every language.
_EPOCH_BITS = 52


@dataclass(frozen=True, slots=True)
class Kept:
    """A value (JSON), its version, and when it was written (ISO 8601, UTC)."""

    value: Any
    version: int
    written_at: str


@dataclass(frozen=True, slots=True)
class HeldLease:
    """`ends` is on the monotonic clock, `expires_at` the same moment for people (ISO 8601, UTC)."""

    owner: str
    ends: float
    expires_at: str


class Memory:
    """Entries by key and leases by name.

    Versions begin at a random number in each life of the process, so a version from before a restart fits nothing.
    Leases end by the monotonic clock: setting the machine's clock neither ends nor prolongs one.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._version = secrets.randbits(_EPOCH_BITS)
        self._entries: dict[str, Kept] = {}
        self._leases: dict[str, HeldLease] = {}

    def get(self, key: str) -> Kept | None:
        return self._entries.get(key)

    def put(self, key: str, value: Any) -> Kept:
        self._version += 1
        kept = self._entries[key] = Kept(value, self._version, self._now().isoformat())
        return kept

    def compare_and_set(self, key: str, value: Any, version: int | None) -> Kept | None:
        present = self._entries.get(key)
        if (present.version if present else None) != version:
            return None
        return self.put(key, value)

    def delete(self, key: str) -> None:
        self._entries.pop(key, None)

    def acquire(self, name: str, owner: str, seconds: float) -> HeldLease | None:
        held = self._leases.get(name)
        if held is not None and held.owner != owner and held.ends > self._monotonic():
            return None
        expires_at = (self._now() + timedelta(seconds=seconds)).isoformat()
        lease = self._leases[name] = HeldLease(owner, self._monotonic() + seconds, expires_at)
        return lease

    def release(self, name: str, owner: str) -> None:
        held = self._leases.get(name)
        if held is not None and held.owner == owner:
            del self._leases[name]

    def sizes(self) -> dict[str, int]:
        """How many entries there are, and leases that have not expired."""
        now = self._monotonic()
        return {"entries": len(self._entries), "leases": sum(held.ends > now for held in self._leases.values())}
