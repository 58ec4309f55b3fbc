"""The order of one function's messages: one lane per key, the oldest first, one at a time. No clock, no I/O."""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One message in a dispatcher's hands. Ordered by `id`, the number that its queue gave it."""

    id: int
    key: str = field(compare=False)
    topic: str = field(compare=False)
    event: dict[str, Any] = field(compare=False)
    enqueued_at: datetime = field(compare=False)
    failures: int = field(compare=False, default=0)
    attributes: dict[str, str] = field(compare=False, default_factory=dict)


class Lanes:
    """Holds messages that are taken from the queue and not yet delivered.

    A lane whose head is out (being delivered, or waiting to be tried again) starts nothing else: later messages of a
    key never overtake. `cap` bounds how much of one key is held, so that a stuck key does not use up the whole window.
    """

    def __init__(self, cap: int = 64) -> None:
        self._cap = cap
        self._lanes: dict[str, list[Message]] = {}
        self._out: dict[str, Message] = {}
        self._known: set[int] = set()
        self._startable: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._known)

    def add(self, messages: Iterable[Message]) -> None:
        """Adds messages in any order; one that is held already is ignored.

        A message may arrive later than a younger one of its key, because its publisher committed later: it goes before.
        """
        for message in messages:
            if message.id in self._known:
                continue
            self._known.add(message.id)
            insort(self._lanes.setdefault(message.key, []), message)
            self._offer(message.key)

    def start(self) -> Message | None:
        """The oldest message whose key is free, now out; None where every key is empty or busy."""
        while self._startable:
            head_id, key = heapq.heappop(self._startable)
            lane = self._lanes.get(key)
            # An offer is out of date when the key was started by another offer, or an older message came in.
            if lane and key not in self._out and lane[0].id == head_id:
                message = self._out[key] = lane.pop(0)
                return message
        return None

    def finish(self, message: Message) -> None:
        """The message is delivered or given up: its key goes on."""
        del self._out[message.key]
        self._known.discard(message.id)
        if self._lanes.get(message.key):
            self._offer(message.key)
        else:
            self._lanes.pop(message.key, None)

    def put_back(self, message: Message) -> None:
        """The message is to be tried again, before anything else of its key."""
        del self._out[message.key]
        self._lanes.setdefault(message.key, []).insert(0, message)
        self._offer(message.key)

    def full_keys(self) -> list[str]:
        """Keys of which enough is held; the rest stays in the queue, in order."""
        return [key for key, lane in self._lanes.items() if len(lane) >= self._cap]

    def _offer(self, key: str) -> None:
        if key not in self._out:
            heapq.heappush(self._startable, (self._lanes[key][0].id, key))
