"""What `relay` asks of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from functions.core.ledger.part import LedgerPart, Row


class OutboxRow(Row):
    """An event to publish; `event` is the whole envelope as it goes onto the bus."""

    outbox_id: int
    topic: str
    event: dict[str, Any]


_ROWS = TypeAdapter(list[OutboxRow])


class OutboxLedger(LedgerPart):
    """The transactional outbox."""

    def claim_outbox(self, owner: str, limit: int, lease_seconds: float) -> list[OutboxRow]:
        """Takes unpublished events, oldest first; the order of a key is kept among relays."""
        return _ROWS.validate_python(
            self._call("claim_outbox", {"p_owner": owner, "p_limit": limit, "p_lease_seconds": lease_seconds})
        )

    def mark_published(self, ids: Sequence[int]) -> int:
        """Marks events as published, once each; returns how many were not yet marked."""
        marked: int = self._call("mark_published", {"p_ids": list(ids)})
        return marked
