"""A webhook of a desk, and its sender, whose clock a test moves."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.integration.ledger.desk import Desk

URL = "https://example.com/hook"
LEASE = 30


@dataclass
class Webhook:
    """A webhook of a desk, and the sender's clock, which stands until a test moves it."""

    desk: Desk
    id: UUID
    secret: str
    now: datetime

    def take(self, limit: int = 16, failing: int = 8) -> list[dict[str, Any]]:
        """What a sender is given of this webhook."""
        return [each for each in self.taken(limit, failing)["deliveries"] if each["url"].endswith(str(self.id))]

    def taken(self, limit: int = 16, failing: int = 8) -> dict[str, Any]:
        said = {"p_owner": "a test", "p_limit": limit, "p_failing": failing, "p_lease_seconds": LEASE}
        found: dict[str, Any] = self.desk.ledger.call("claim_webhooks", "fn_report", **said, p_now=self.now)
        return found

    def tell(self, taken: dict[str, Any], status: int | None = 200, error: str | None = None) -> str:
        said = {"p_delivery_id": taken["delivery_id"], "p_attempt": taken["attempt"], "p_response": "said"}
        told = {"p_status": status, "p_error": error, "p_now": self.now}
        return str(self.desk.ledger.call("record_webhook", "fn_report", **said, **told))

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        return self.desk.ledger.rows(
            f"select {columns} from public.webhook_deliveries where endpoint_id = %s order by created_at, id", self.id
        )

    def row(self, columns: str) -> tuple[Any, ...]:
        (found,) = self.rows(columns)
        return found

    def own(self, column: str) -> Any:
        return self.desk.ledger.one(f"select {column} from public.webhook_endpoints where id = %s", self.id)

    def alerts(self, code: str) -> int:
        query = "select count(*) from public.alerts where user_id = %s and code = %s"
        return int(self.desk.ledger.one(query, self.desk.user, code))

    def fail_until(self, moment: datetime) -> list[float]:
        """Every attempt fails until nothing is left to try, or the moment; returns the waits in between, seconds."""
        waits = []
        while self.now < moment and (taken := self.take()):
            if self.tell(taken[0], 500) != "retrying":
                break
            query = "select next_attempt_at from public.webhook_deliveries where id = %s"
            due = self.desk.ledger.one(query, taken[0]["delivery_id"])
            waits.append((due - self.now).total_seconds())
            self.now = due
        return waits


def new_webhook(desk: Desk, *events: str) -> Webhook:
    made = uuid4()
    said = {
        "p_name": "mine",
        "p_url": f"{URL}/{made}",
        "p_events": f"{{{','.join(events or ('trade.placed',))}}}",
        "p_id": made,
    }
    answer = desk.ledger.call("create_webhook", "authenticated", desk.user, **said)
    assert answer["webhook_id"] == str(made)
    return Webhook(desk, made, answer["secret"], datetime.now(UTC) + timedelta(minutes=1))


def change(webhook: Webhook, **more: Any) -> int:
    said = {"p_name": "mine", "p_url": f"{URL}/{webhook.id}", "p_events": "{trade.placed}", "p_enabled": True} | more
    version: int = webhook.desk.ledger.call(
        "set_webhook", "authenticated", webhook.desk.user, p_webhook_id=webhook.id, **said
    )
    return version
