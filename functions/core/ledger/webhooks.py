"""What the sender of webhooks asks of the ledger."""

from __future__ import annotations

from uuid import UUID

from functions.core.ledger.part import LedgerPart, Row


class ClaimedDelivery(Row):
    """One event for one webhook, signed as of now. `attempt` names this claim; `failing`: nothing arrives there now."""

    delivery_id: UUID
    attempt: int
    event_id: UUID
    url: str
    body: str
    timestamp: str
    signature: str
    failing: bool


class ClaimedDeliveries(Row):
    """What was taken. `loopback`: webhooks may be on this machine; `next_in`: seconds until the next retry, if any."""

    deliveries: list[ClaimedDelivery]
    loopback: bool
    next_in: float | None


class WebhookLedger(LedgerPart):
    """Deliveries to send, and how it went."""

    def claim_webhooks(self, owner: str, limit: int, failing: int, lease: float) -> ClaimedDeliveries:
        """Takes what is due for `lease` seconds, at most `failing` of webhooks that fail."""
        return ClaimedDeliveries.model_validate(
            self._call(
                "claim_webhooks",
                {"p_owner": owner, "p_limit": limit, "p_failing": failing, "p_lease_seconds": lease},
            )
        )

    def record_webhook(
        self, delivery: ClaimedDelivery, status: int | None, error: str | None, response: str | None
    ) -> str:
        """Says how an attempt went; returns the delivery's state. A late word changes nothing."""
        state: str = self._call(
            "record_webhook",
            {
                "p_delivery_id": str(delivery.delivery_id),
                "p_attempt": delivery.attempt,
                "p_status": status,
                "p_error": error,
                "p_response": response,
            },
        )
        return state

    def prune_webhooks(self) -> int:
        """Removes deliveries that were kept long enough, some at a time; returns how many."""
        pruned: int = self._call("prune_webhooks", {})
        return pruned
