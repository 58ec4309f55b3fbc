"""The outside world in memory: each port writes into one journal what it was asked, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.core.events import Envelope
from functions.core.hotstore.port import Entry, Lease
from functions.core.ports import Ports
from local.hotstore.memory import Kept, Memory
from tests.unit.core.settings_made import made_settings

NOW = datetime(2026, 1, 2, 15, 0, tzinfo=UTC)
Journal = list[tuple[str, Any]]
Answer = Callable[[dict[str, Any]], Any]


class JournalledLedger:
    """A transport that answers what it was told to: a value, an error to raise, or a function of the arguments.

    Several answers in a list are given one after another; the last one stays. What has no answer gets None.
    """

    def __init__(self, journal: Journal, answers: Mapping[str, Any]) -> None:
        self.journal = journal
        self.answers: dict[str, Any] = dict(answers)

    def call(self, function: str, arguments: dict[str, Any]) -> Any:
        self.journal.append((function, arguments))
        answer = self.answers.get(function)
        if isinstance(answer, Turns):
            answer = answer.next()
        if isinstance(answer, Exception):
            raise answer
        return answer(arguments) if callable(answer) else answer


class Turns:
    """Answers in turn."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def next(self) -> Any:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class JournalledBus:
    """A bus that keeps what was published, and fails as often as it was told to."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.failures: list[Exception] = []

    def publish(self, topic: str, events: Sequence[Envelope]) -> None:
        self.journal.append((f"publish {topic}", [event.id for event in events]))
        if self.failures:
            raise self.failures.pop(0)

    def close(self) -> None:
        """Nothing is held."""


class JournalledHotStore:
    """The local hot store's own memory, without its process."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.memory = Memory()
        self.failures: list[Exception] = []
        self.refused = 0

    def get(self, key: str) -> Entry | None:
        return _entry(self.memory.get(key))

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        return {key: entry for key in keys if (entry := self.get(key)) is not None}

    def put(self, key: str, value: Any) -> Entry:
        self.journal.append((f"put {key}", value))
        if self.failures:
            raise self.failures.pop(0)
        entry = _entry(self.memory.put(key, value))
        assert entry is not None
        return entry

    def put_many(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            self.put(key, value)

    def compare_and_set(self, key: str, value: Any, version: int | None) -> Entry | None:
        return _entry(self.memory.compare_and_set(key, value, version))

    def delete(self, key: str) -> None:
        self.memory.delete(key)

    def acquire(self, name: str, owner: str, ttl: timedelta) -> Lease | None:
        held = self.memory.acquire(name, owner, ttl.total_seconds())
        self.refused += held is None
        return None if held is None else Lease(name, owner, datetime.fromisoformat(held.expires_at))

    def release(self, name: str, owner: str) -> None:
        self.journal.append((f"release {name}", owner))
        self.memory.release(name, owner)

    def close(self) -> None:
        """Nothing is held."""


def _entry(kept: Kept | None) -> Entry | None:
    return None if kept is None else Entry(kept.value, kept.version, datetime.fromisoformat(kept.written_at))


class JournalledArchive:
    """An archive in memory that keeps what was asked, and fails as often as it was told to."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.objects: dict[str, bytes] = {}
        self.failures: list[Exception] = []

    def get(self, key: str) -> bytes | None:
        self._asked("archive get", key)
        return self.objects.get(key)

    def put(self, key: str, body: bytes) -> None:
        self._asked("archive put", key)
        self.objects[key] = body

    def keys(self, prefix: str) -> list[str]:
        self._asked("archive keys", prefix)
        return sorted(key for key in self.objects if key.startswith(prefix))

    def delete(self, key: str) -> None:
        self._asked("archive delete", key)
        self.objects.pop(key, None)

    def close(self) -> None:
        """Nothing is held."""

    def _asked(self, name: str, key: str) -> None:
        self.journal.append((name, key))
        if self.failures:
            raise self.failures.pop(0)


class StandingClock:
    """It is what it was told to be."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class World:
    """Ports in memory with one journal."""

    def __init__(self, answers: Mapping[str, Any] | None = None, **settings: Any) -> None:
        self.journal: Journal = []
        self.ledger = JournalledLedger(self.journal, answers or {})
        self.bus = JournalledBus(self.journal)
        self.hot = JournalledHotStore(self.journal)
        self.clock = StandingClock()
        self.archive = JournalledArchive(self.journal)
        self.ports = Ports(made_settings(**settings), self.ledger, self.bus, self.hot, self.clock, self.archive)

    def said(self, *names: str) -> list[str]:
        """The names of what was asked, in order; of those alone that begin with one of `names`, where given."""
        return [name for name, _ in self.journal if not names or name.startswith(names)]

    def asked(self, name: str) -> list[Any]:
        """What each call of this name was given."""
        return [given for called, given in self.journal if called == name]


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Returns when what another task or thread does has made it true; fails where it never does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the journal is written by threads
            await asyncio.sleep(0.002)
