"""A Pub/Sub push as a CloudEvent in binary mode: what Eventarc sends to a Cloud Function."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_PROJECT = "projects/local"
_TYPE = "google.cloud.pubsub.topic.v1.messagePublished"


@dataclass(frozen=True, slots=True)
class Push:
    """One message on its way to one subscription. `published_at` is UTC; `attempt` counts from 1."""

    topic: str
    subscription: str
    message_id: str
    published_at: datetime
    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str = ""
    attempt: int = 1

    def request(self) -> tuple[dict[str, str], bytes]:
        """Headers and body of the HTTP request."""
        published = self.published_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": self.message_id,
            "ce-source": f"//pubsub.googleapis.com/{_PROJECT}/topics/{self.topic}",
            "ce-type": _TYPE,
            "ce-time": published,
        }
        body = {
            "message": {
                "data": base64.b64encode(self.data).decode(),
                "messageId": self.message_id,
                "publishTime": published,
                "orderingKey": self.ordering_key,
                "attributes": dict(self.attributes),
            },
            "subscription": f"{_PROJECT}/subscriptions/{self.subscription}",
            "deliveryAttempt": self.attempt,
        }
        return headers, json.dumps(body, separators=(",", ":")).encode()
