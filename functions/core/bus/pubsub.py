"""The bus on Google Cloud Pub/Sub. Topics and push subscriptions are Terraform's; this side only publishes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from functions.core.bus.message import attributes, body
from functions.core.errors import AgentTraderError, Misconfigured, NotAuthorised, Unavailable
from functions.core.events import Envelope, dump
from functions.core.wiring import Wiring, wiring

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

_PUBLISH_SECONDS = 15.0

# One client per process: it owns threads and a channel, and making one costs more than a publish.
_client_lock = threading.Lock()
_shared_client: PublisherClient | None = None


def _client() -> PublisherClient:
    global _shared_client  # noqa: PLW0603 - the one global of this module, by intent
    with _client_lock:
        if _shared_client is None:
            from google.cloud.pubsub_v1 import PublisherClient, types

            _shared_client = PublisherClient(
                # Waiting for a batch to fill would add 10 ms to every publish.
                batch_settings=types.BatchSettings(max_latency=0),
                publisher_options=types.PublisherOptions(enable_message_ordering=True),
            )
        return _shared_client


class PubSubBus:
    """Thread-safe. The client is made at the first publish and shared by the process.

    With PUBSUB_EMULATOR_HOST set, the client library speaks to the emulator.
    """

    def __init__(self, project: str, table: Wiring | None = None, timeout: float = _PUBLISH_SECONDS) -> None:
        self._project = project
        self._table = wiring() if table is None else table
        self._timeout = timeout

    def publish(self, topic: str, events: Sequence[Envelope]) -> None:
        """See `Bus.publish`. Raises Misconfigured TOPIC_NOT_DEPLOYED where the project lacks the topic."""
        self._table.require_topic(topic)
        if not events:
            return
        client = _client()
        path = client.topic_path(self._project, topic)
        try:
            futures = [
                (event.key, client.publish(path, body(event), ordering_key=event.key, **attributes(dump(event))))
                for event in events
            ]
        except RuntimeError as error:
            # A key that another thread's failure has just paused refuses at once.
            self._resume(client, path, {event.key for event in events})
            raise Unavailable("BUS_UNAVAILABLE", f"Pub/Sub has paused an ordering key: {error}", topic=topic) from error
        failed: dict[str, Exception] = {}
        # Every future is awaited, also after a failure: a message without a result is a lost message.
        for key, future in futures:
            try:
                future.result(timeout=self._timeout)
            except Exception as error:  # noqa: BLE001 - sorted and raised below
                failed.setdefault(key, error)
        if failed:
            self._resume(client, path, set(failed))
            first = next(iter(failed.values()))
            raise _translated(first, topic) from first

    def close(self) -> None:
        """Nothing is held by this object: the process's one client stays for the other users."""

    @staticmethod
    def _resume(client: Any, path: str, keys: set[str]) -> None:
        for key in keys:
            client.resume_publish(path, key)


def _translated(error: Exception, topic: str) -> AgentTraderError:
    from google.api_core import exceptions as google

    if isinstance(error, google.NotFound):
        return Misconfigured(
            "TOPIC_NOT_DEPLOYED", f"the project has no topic {topic}; run terraform apply", topic=topic
        )
    if isinstance(error, google.PermissionDenied | google.Unauthenticated):
        return NotAuthorised("BUS_FORBIDDEN", f"this service account may not publish to {topic}", topic=topic)
    return Unavailable(
        "BUS_UNAVAILABLE", f"Pub/Sub did not take the events: {str(error) or type(error).__name__}", topic=topic
    )
