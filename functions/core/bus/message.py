"""How an event travels as a Pub/Sub message: its body, its attributes, its ordering key. The same on every bus."""

from __future__ import annotations

import json
from typing import Any

from functions.core.events import Envelope, dump


def body(event: Envelope) -> bytes:
    """The event as JSON text in UTF-8."""
    return json.dumps(dump(event), separators=(",", ":")).encode()


def attributes(event: dict[str, Any]) -> dict[str, str]:
    """What a subscription may filter on without opening the body, from a dumped event: `id`, `type`, `key`, `trace`."""
    return {name: str(event[name]) for name in ("id", "type", "key", "trace") if event.get(name) is not None}
