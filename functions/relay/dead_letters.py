"""What the bus gave up is kept in the ledger, where an administrator decides what becomes of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from functions.core.errors import BadInput
from functions.core.ledger.relaying import OutboxLedger
from functions.core.ports import Ports
from functions.core.wiring import TopicTrigger, wiring

# What Pub/Sub says about a message that it forwards to a dead-letter topic; the local bus says the same, and the error.
_SOURCE = "CloudPubSubDeadLetterSourceSubscription"
_COUNT = "CloudPubSubDeadLetterSourceDeliveryCount"
_ERROR = "error"
_NO_ERROR = "the bus does not say; see the function's log"


def keep(reach: Ports, message: Any) -> None:
    """Keeps one message of the dead-letter topic. Raises BadInput BAD_MESSAGE where it is no Pub/Sub message."""
    envelope = _envelope(message)
    attributes: Mapping[str, str] = envelope.get("attributes") or {}
    consumer = _consumer(attributes.get(_SOURCE, "unknown"))
    OutboxLedger(reach.ledger).record_dead_letter(
        topic=_topic(consumer),
        consumer=consumer,
        event=_event(str(envelope["data"])),
        message_id=str(envelope["messageId"]),
        attempts=int(attributes.get(_COUNT, 0)),
        error=attributes.get(_ERROR, _NO_ERROR),
    )


def _envelope(message: Any) -> dict[str, Any]:
    data: Any = message if isinstance(message, Mapping) else getattr(message, "data", None)
    try:
        found: Any = (json.loads(data) if isinstance(data, bytes | str) else data)["message"]
        if isinstance(found, dict) and {"data", "messageId"} <= set(found):
            return found
    except (TypeError, KeyError, ValueError):
        pass
    raise BadInput("BAD_MESSAGE", f"expected a forwarded Pub/Sub message, was {str(data)[:200]!r}")


def _event(data: str) -> dict[str, Any]:
    """What was published; a message that nobody could read is kept as it came."""
    try:
        found = json.loads(base64.b64decode(data, validate=True))
    except ValueError:
        return {"unreadable": data}
    return found if isinstance(found, dict) else {"unreadable": data}


def _consumer(subscription: str) -> str:
    """The function of a subscription: Terraform names it by the function, with dashes."""
    name = subscription.rsplit("/", 1)[-1]
    return name.replace("-", "_") if name.replace("-", "_") in wiring().functions else name


def _topic(consumer: str) -> str:
    function = wiring().functions.get(consumer)
    return function.trigger.topic if function is not None and isinstance(function.trigger, TopicTrigger) else "unknown"
