"""Reads `functions.yaml`, the only place that says which function hears what."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from functions.core.errors import BadInput, Misconfigured

DEAD_LETTERS = "dead-letters"
"""The topic to which the bus forwards what it gives up. No function publishes to it."""
WIRING_FILE = Path(__file__).resolve().parents[1] / "functions.yaml"

Folder = Literal["ingest", "strategy", "risk", "execute", "report", "relay", "backtest"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Topic(_Strict):
    """A topic: the event it carries and the payload field that is its ordering key.

    `also` are other events that it carries, each with its own ordering key.
    """

    event: str
    ordered_by: str
    also: dict[str, str] = {}

    @property
    def keys(self) -> dict[str, str]:
        """The ordering key of every event that the topic carries."""
        return {self.event: self.ordered_by} | self.also


class Due(_Strict):
    """When within a session a scheduled function is due; cron only wakes it."""

    session: Literal["open", "close"]
    offset: str = Field("0m", pattern=r"^-?\d+m$", description="Minutes after the session's open or close")

    @property
    def minutes(self) -> int:
        return int(self.offset[:-1])


class Schedule(_Strict):
    """A cron expression in a named time zone."""

    cron: str
    time_zone: str
    due: Due | None = None


class TopicTrigger(_Strict):
    topic: str
    only: Annotated[list[str], Field(description="Event types; empty means all")] = []


class ScheduleTrigger(_Strict):
    schedule: Schedule


class DeadLetterTrigger(_Strict):
    """What the bus gave up, of every subscription: Pub/Sub forwards it to a topic of its own."""

    dead_letters: Literal["all"]


class WebhookTrigger(_Strict):
    webhook: Literal["outbox"]


Trigger = TopicTrigger | ScheduleTrigger | WebhookTrigger | DeadLetterTrigger | Literal["http", "worker"]


class Function(_Strict):
    """One Cloud Function: where it lives, what wakes it, what it may publish and which secrets it may open."""

    folder: Folder = Field(alias="in")
    trigger: Trigger
    publishes: list[str] = []
    secrets: list[str] = []
    lease: str | None = None
    memory: str | None = None
    timeout: str | None = None
    concurrency: int | None = None
    min_instances: int | None = None
    max_instances: int | None = None


class Defaults(_Strict):
    memory: str
    timeout: str
    concurrency: int
    min_instances: int
    max_instances: int


class Wiring(_Strict):
    """The whole table."""

    defaults: Defaults
    topics: dict[str, Topic]
    functions: dict[str, Function]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for name, function in self.functions.items():
            heard = [function.trigger.topic] if isinstance(function.trigger, TopicTrigger) else []
            for topic in [*function.publishes, *heard]:
                if topic not in self.topics:
                    raise ValueError(f"{name} names the topic {topic!r}, which the table does not have")
        return self

    def subscribers(self, topic: str) -> dict[str, Function]:
        """The functions that hear a topic, by name."""
        return {
            name: function
            for name, function in self.functions.items()
            if isinstance(function.trigger, TopicTrigger) and function.trigger.topic == topic
        }

    def require_topic(self, topic: str) -> Topic:
        """The topic, or BadInput UNKNOWN_TOPIC."""
        try:
            return self.topics[topic]
        except KeyError:
            known = ", ".join(sorted(self.topics))
            raise BadInput("UNKNOWN_TOPIC", f"expected one of {known}, was {topic!r}", topic=topic) from None


def read(path: Path) -> Wiring:
    """Reads a wiring table. Raises Misconfigured BAD_WIRING with the place and the reason."""
    try:
        raw: Any = yaml.safe_load(path.read_text())
        return Wiring.model_validate(raw)
    except (OSError, yaml.YAMLError) as error:
        raise Misconfigured("BAD_WIRING", f"{path.name} cannot be read: {error}") from error
    except ValidationError as error:
        # A trigger that fits none of its shapes has errors of each; the deepest is of the one that was meant.
        found = max(error.errors(include_url=False), key=lambda each: len(each["loc"]))
        where = ".".join(str(part) for part in found["loc"])
        raise Misconfigured("BAD_WIRING", f"{path.name} at {where or 'top'}: {found['msg']}") from error


@cache
def wiring() -> Wiring:
    """The project's own table, read once."""
    return read(WIRING_FILE)
