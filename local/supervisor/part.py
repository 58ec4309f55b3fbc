"""What the supervisor is told: parts (processes that stay) and steps (work done once on the way up)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """A process that stays up.

    `port` is where it listens (None: nowhere). It is ready when `health` says so: an HTTP path that answers below 500
    on the port, or a check of its own; where `health` is None, when the port accepts a connection, or at once where
    it has no port.
    `after` names parts that must be ready, and steps that must be done, before it is started; it is stopped before
    them. `outlives` names further parts that are stopped before it, because they call it.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    health: str | Callable[[], bool] | None = None
    after: tuple[str, ...] = ()
    outlives: tuple[str, ...] = ()
    # Where a tool is missing, the reason and the remedy; the part is then refused before anything starts.
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Work done once before the parts that name it in their `after`. `run` raises to fail the start."""

    name: str
    run: Callable[[], None]
    after: tuple[str, ...] = ()


Node = Part | Step
