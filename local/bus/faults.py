"""Faults on purpose: messages lost, doubled and delayed, the same for the same seed. For tests of the whole system."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]


class FaultPlan(BaseModel):
    """What goes wrong, each a probability per delivery. All zero (the default) is a bus without faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    drop: Probability = 0.0
    double: Probability = 0.0
    delay: Probability = 0.0
    delay_ms: int = Field(0, ge=0, le=60_000)
    spare_topics: list[str] = []

    @model_validator(mode="after")
    def _one_fate_each(self) -> Self:
        if self.drop + self.double > 1:
            raise ValueError(f"drop + double must not exceed 1, was {self.drop} + {self.double}")
        return self


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one delivery. `pause` is seconds before it."""

    action: Literal["once", "drop", "double", "double_at_once"] = "once"
    pause: float = 0.0


class Faults:
    """Draws fates by the plan: a function of seed, function, event id and how often that function was given it."""

    def __init__(self, plan: FaultPlan | None = None) -> None:
        self.plan = plan or FaultPlan()
        self._times: Counter[tuple[str, str]] = Counter()

    def draw(self, topic: str, function: str, event_id: str) -> Fate:
        """The fate of the next delivery. A repeated delivery draws anew, or a dropped event could never get through."""
        plan = self.plan
        if topic in plan.spare_topics or not (plan.drop or plan.double or plan.delay):
            return Fate()
        self._times[function, event_id] += 1
        name = f"{plan.seed}|{function}|{event_id}|{self._times[function, event_id]}"
        pause = plan.delay_ms / 1000 if _fraction(name, "delay") < plan.delay else 0.0
        lot = _fraction(name, "action")
        if lot < plan.drop:
            return Fate("drop", pause)
        if lot < plan.drop + plan.double:
            return Fate("double_at_once" if _fraction(name, "together") < 0.5 else "double", pause)
        return Fate("once", pause)


def _fraction(name: str, purpose: str) -> float:
    digest = hashlib.sha256(f"{name}|{purpose}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
