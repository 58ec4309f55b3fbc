"""What every hot store can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A JSON value with the version that compare-and-set compares and the machine time (UTC) it was written at."""

    value: Any
    version: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that `owner` holds on `name` until `expires_at` (machine time, UTC)."""

    name: str
    owner: str
    expires_at: datetime


class HotStore(Protocol):
    """Key-value with compare-and-set and leases; values are JSON. Raises Unavailable where the store does not answer.

    A reader says how old a value may be: compare `written_at`, or a time inside the value, with the injected clock.
    """

    def get(self, key: str) -> Entry | None:
        """The entry, or None where there is none (never set, deleted, or lost)."""
        ...

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The entries that exist, by key."""
        ...

    def put(self, key: str, value: Any) -> Entry:
        """Writes whatever was there before."""
        ...

    def put_many(self, values: Mapping[str, Any]) -> None:
        """Writes several keys at once."""
        ...

    def compare_and_set(self, key: str, value: Any, version: int | None) -> Entry | None:
        """Writes only if the present version is `version` (None: only if the key is absent); None when it lost."""
        ...

    def delete(self, key: str) -> None:
        """Removes the key; removing an absent key is fine."""
        ...

    def acquire(self, name: str, owner: str, ttl: timedelta) -> Lease | None:
        """Takes the lease, or renews it where `owner` already holds it; None where another owner holds it."""
        ...

    def release(self, name: str, owner: str) -> None:
        """Gives the lease back; does nothing where `owner` does not hold it."""
        ...

    def close(self) -> None:
        """Releases connections. Safe to call twice."""
        ...
