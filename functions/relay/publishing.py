"""Claim, publish, mark. A crash between two of them publishes again, and a consumer handles it once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from functions.core.errors import BadInput
from functions.core.events import Event, parse
from functions.core.ledger.relaying import OutboxLedger, OutboxRow
from functions.core.log import logger
from functions.core.ports import Ports
from functions.core.runtime import owner

_log = logger("relay")
_BATCH = 200


def publish_outbox(reach: Ports) -> int:
    """Publishes every event that is free to take, oldest first; returns how many.

    Raises BadInput where a row cannot be published, after all the others were: our own ledger wrote it, so it is a bug
    and must be seen, but it may not hold up the rest.
    """
    ledger = OutboxLedger(reach.ledger)
    published = 0
    unpublishable: list[BadInput] = []
    # Until nothing is left, also after a small batch: another relay may have been turned away from a row because we
    # were publishing an earlier one of its key, and nobody else is woken for it.
    while rows := ledger.claim_outbox(owner(), _BATCH, reach.settings.relay_lease):
        for topic, group in groupby(rows, key=lambda row: row.topic):
            batch = _readable(group, unpublishable)
            if not batch:
                continue
            reach.bus.publish(topic, list(batch.values()))
            ledger.mark_published(list(batch))
            published += len(batch)
    if unpublishable:
        raise unpublishable[0]
    return published


def _readable(rows: Iterable[OutboxRow], unreadable: list[BadInput]) -> dict[int, Event]:
    """The events by their row's id; what cannot be read goes to `unreadable`, and stays in the outbox."""
    events: dict[int, Event] = {}
    for row in rows:
        try:
            events[row.outbox_id] = parse(row.event)
        except BadInput as error:
            _log.error("outbox row cannot be read", outbox_id=row.outbox_id, reason=str(error))
            unreadable.append(error)
    return events
