"""What the supervisor says while it works; the command line prints it, tests read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened to a part or step.

    `seconds` is machine time since its start began; `lines` are the last log lines where something went wrong.
    """

    kind: Literal["starting", "ready", "done", "exited", "restarting", "stopped", "note"]
    name: str
    text: str = ""
    seconds: float = 0.0
    lines: tuple[str, ...] = ()


Listener = Callable[[Notice], None]


def nobody(_: Notice) -> None:
    """A listener that does not listen."""
