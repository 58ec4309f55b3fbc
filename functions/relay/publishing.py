"""Claim, publish, mark. A crash between two of them publishes again, and a consumer handles it once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from functions.core.errors import BadInput
from functions.core.events import Event, parse
from functions.core.ledger.relaying import OutboxLedger, OutboxRow
from functions.core.log import logger
from functions.core.ports import Ports
from functions.core.runtime import owner

_log = logger("relay")
_BATCH = 200
_LEASE_SECONDS = 15.0


def publish_outbox(reach: Ports) -> int:
    """Publishes every event that is free to take, oldest first; returns how many."""
    ledger = OutboxLedger(reach.ledger)
    published = 0
    # Until nothing is left, also after a small batch: another relay may have been turned away from a row because we
    # were publishing an earlier one of its key, and nobody else is woken for it.
    while rows := ledger.claim_outbox(owner(), _BATCH, _LEASE_SECONDS):
        for topic, group in groupby(rows, key=lambda row: row.topic):
            batch = list(group)
            reach.bus.publish(topic, _events(batch))
            ledger.mark_published([row.outbox_id for row in batch])
            published += len(batch)
    return published


def _events(rows: Sequence[OutboxRow]) -> list[Event]:
    events: list[Event] = []
    for row in rows:
        try:
            events.append(parse(row.event))
        except BadInput as error:
            # Our own ledger wrote it, so it is a bug: loud, and never published as something else.
            _log.error("outbox row cannot be read", outbox_id=row.outbox_id, reason=str(error))
            raise
    return events
