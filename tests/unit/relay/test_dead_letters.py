"""What the bus gave up is kept: with where it was for, what it was, and why, also where it cannot be read."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from functions.relay import handlers
from tests.unit.core.doubles import World

EVENT = {"id": str(named_uuid("an event")), "type": "trade.approved", "key": "a key", "data": {}}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World({"record_dead_letter": str(named_uuid("a letter"))})
    monkeypatch.setattr(handlers, "ports", lambda _folder: found.ports)
    return found


def _forwarded(data: bytes, **attributes: str) -> Any:
    message = {"data": base64.b64encode(data).decode(), "messageId": "77", "attributes": attributes}
    return SimpleNamespace(data={"message": message, "subscription": "projects/p/subscriptions/keep-dead-letter"})


@pytest.mark.parametrize("subscription", ["submit_order", "submit-order", "projects/p/subscriptions/submit-order"])
def test_keep_dead_letter_when_a_message_is_forwarded_then_consumer_and_topic_are_known(
    world: World, subscription: str
) -> None:
    handlers.keep_dead_letter(
        _forwarded(
            json.dumps(EVENT).encode(),
            CloudPubSubDeadLetterSourceSubscription=subscription,
            CloudPubSubDeadLetterSourceDeliveryCount="20",
            error="HTTP 500",
        )
    )
    assert world.asked("record_dead_letter") == [
        {
            "p_topic": "trade-events",
            "p_consumer": "submit_order",
            "p_event": EVENT,
            "p_message_id": "77",
            "p_attempts": 20,
            "p_error": "HTTP 500",
        }
    ]


@pytest.mark.parametrize("data", [b"no json", b"[1]", b"\xff"])
def test_keep_dead_letter_when_the_message_cannot_be_read_then_it_is_kept_as_it_came(world: World, data: bytes) -> None:
    handlers.keep_dead_letter(_forwarded(data))
    (kept,) = world.asked("record_dead_letter")
    assert base64.b64decode(kept["p_event"]["unreadable"]) == data
    assert (kept["p_topic"], kept["p_consumer"]) == ("unknown", "unknown")
    assert kept["p_error"]


@pytest.mark.parametrize("data", [None, b"x", {}, {"message": {}}, {"message": {"data": "eA=="}}])
def test_keep_dead_letter_when_it_is_no_message_then_refused(world: World, data: Any) -> None:
    with pytest.raises(BadInput):
        handlers.keep_dead_letter(SimpleNamespace(data=data))
    assert world.journal == []
