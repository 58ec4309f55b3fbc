"""Claim, publish, mark. A crash between two of them publishes again, and a consumer handles it once."""

from __future__ import annotations

from collections.abc import Sequence

from functions.core.errors import BadInput
from functions.core.events import Event, parse
from functions.core.ledger.relaying import OutboxLedger, OutboxRow, PublishFailure
from functions.core.log import logger
from functions.core.ports import Ports
from functions.core.runtime import owner

_log = logger("relay")
_BATCH = 200


def publish_outbox(reach: Ports) -> int:
    """Publishes every event that is free to take; returns how many.

    What fails is said to the ledger and holds up nobody else: an event that can never be published becomes a dead
    letter with an alert, and the rest of a topic that the bus does not take waits to be tried again. In the second case
    the bus's error is raised at the end, so that it is seen.
    """
    ledger = OutboxLedger(reach.ledger)
    relaying = _Round(reach, ledger)
    # Until nothing is left, also after a small batch: another relay may have been turned away from a row because we
    # were publishing an earlier one of its key, and nobody else is woken for it.
    while rows := ledger.claim_outbox(owner(), _BATCH, reach.settings.relay_lease):
        by_topic: dict[str, list[OutboxRow]] = {}
        for row in rows:
            by_topic.setdefault(row.topic, []).append(row)
        # A topic at a time, so that what one of them cannot take keeps no other waiting: the order is a topic's own.
        for topic, waiting in by_topic.items():
            relaying.publish(topic, waiting)
    if relaying.error is not None:
        raise relaying.error
    return relaying.published


class _Round:
    """One call of the relay: counts what is published, and keeps the first error that is not an event's own."""

    def __init__(self, reach: Ports, ledger: OutboxLedger) -> None:
        self.published = 0
        self.error: Exception | None = None
        self._bus = reach.bus
        self._ledger = ledger

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> None:
        events: list[tuple[OutboxRow, Event]] = []
        failures: list[PublishFailure] = []
        for row in rows:
            try:
                events.append((row, parse(row.event)))
            except BadInput as error:
                failures.append(_failure(row, error))
        try:
            if events:
                self._bus.publish(topic, [event for _, event in events])
        except BadInput:
            # One of them is at fault and the bus does not say which: one by one, in their order.
            failures += self._one_by_one(topic, events)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other topics go on; it is raised at the end
            failures += self._all_fail(events, error)
        else:
            self._mark(events)
        if failures:
            dead = self._ledger.record_publish_failure(failures)
            _log.error(
                "events were not published", topic=topic, failed=len(failures), dead=dead, reason=failures[0].error
            )

    def _one_by_one(self, topic: str, events: Sequence[tuple[OutboxRow, Event]]) -> list[PublishFailure]:
        failures: list[PublishFailure] = []
        for index, (row, event) in enumerate(events):
            try:
                self._bus.publish(topic, [event])
            except BadInput as error:
                failures.append(_failure(row, error))
            except Exception as error:  # noqa: BLE001 - as above
                return failures + self._all_fail(events[index:], error)
            else:
                self._mark([(row, event)])
        return failures

    def _all_fail(self, events: Sequence[tuple[OutboxRow, Event]], error: Exception) -> list[PublishFailure]:
        self.error = self.error or error
        return [_failure(row, error) for row, _ in events]

    def _mark(self, events: Sequence[tuple[OutboxRow, Event]]) -> None:
        if events:
            self._ledger.mark_published([row.outbox_id for row, _ in events])
            self.published += len(events)


def _failure(row: OutboxRow, error: Exception) -> PublishFailure:
    said = str(error) or type(error).__name__
    return PublishFailure(
        outbox_id=row.outbox_id, attempt=row.attempt, error=said[:2000], final=isinstance(error, BadInput)
    )
