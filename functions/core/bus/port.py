"""What every event bus can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from functions.core.events import Envelope


class Bus(Protocol):
    """Publishes events to the topics of the wiring table."""

    def publish(self, topic: str, events: Sequence[Envelope]) -> None:
        """Returns when every event is durable, in this order per ordering key.

        Raises BadInput UNKNOWN_TOPIC for a topic that the wiring table does not name, and Unavailable where the bus
        does not answer (some of the events may then have been published; publishing them again is safe).
        """
        ...

    def close(self) -> None:
        """Releases connections. Safe to call twice."""
        ...
