"""What `relay` asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from functions.core.ledger.part import LedgerPart, Row


class OutboxRow(Row):
    """An event to publish; `event` is the whole envelope as it goes onto the bus. `attempt` names this claim of it."""

    outbox_id: int
    attempt: int
    topic: str
    event: dict[str, Any]


class PublishFailure(Row):
    """An event that could not be published. `final`: it is the event's own fault, and no later try can succeed."""

    outbox_id: int
    attempt: int
    error: str
    final: bool


_ROWS = TypeAdapter(list[OutboxRow])


class OutboxLedger(LedgerPart):
    """The transactional outbox, and what was given up."""

    def claim_outbox(self, owner: str, limit: int, lease_seconds: float) -> list[OutboxRow]:
        """Takes unpublished events, urgent topics first, then oldest first; the order of a topic's key is kept."""
        return _ROWS.validate_python(
            self._call("claim_outbox", {"p_owner": owner, "p_limit": limit, "p_lease_seconds": lease_seconds})
        )

    def mark_published(self, ids: Sequence[int]) -> int:
        """Marks events as published, once each; returns how many were not yet marked."""
        marked: int = self._call("mark_published", {"p_ids": list(ids)})
        return marked

    def record_publish_failure(self, failures: Sequence[PublishFailure]) -> int:
        """Lets events be tried again later, or gives them up; returns how many became dead letters."""
        said = [failure.model_dump() for failure in failures]
        dead: int = self._call("record_publish_failure", {"p_failures": said})["dead"]
        return dead

    def record_dead_letter(
        self, topic: str, consumer: str, event: dict[str, Any], message_id: str, attempts: int, error: str
    ) -> UUID:
        """Keeps a message that the bus gave up, each message once; returns the dead letter's id."""
        arguments = {"p_topic": topic, "p_consumer": consumer, "p_event": event, "p_message_id": message_id}
        return UUID(self._call("record_dead_letter", arguments | {"p_attempts": attempts, "p_error": error}))

    def prune_outbox(self) -> bool:
        """Removes some of what was kept long enough; True where there is more."""
        more: bool = self._call("prune_outbox", {})["more"]
        return more
