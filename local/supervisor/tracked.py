"""What the supervisor knows about one part: its child, its state, and when it may be started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from local.supervisor.child import Child
from local.supervisor.part import Part

# A part that lived this long was healthy: its next death is a first death again.
_HEALTHY_SECONDS = 10.0
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0

State = Literal["waiting", "starting", "ready", "down", "held", "stopped"]


@dataclass(slots=True)
class Tracked:
    """`down` is dead and about to be started again at `due`; `held` is kept dead until somebody asks."""

    part: Part
    state: State = "waiting"
    child: Child | None = None
    started_at: float = 0.0
    due: float = 0.0
    restarts: int = 0
    quick_deaths: int = 0

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.exit_code() is None

    def schedule(self, now: float) -> float:
        """Sets `due` after a death at `now` (monotonic seconds) and returns the delay.

        The first death is answered at once; deaths in quick succession double the delay up to a cap.
        """
        self.quick_deaths = self.quick_deaths + 1 if now - self.started_at < _HEALTHY_SECONDS else 1
        delay = 0.0 if self.quick_deaths == 1 else min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (self.quick_deaths - 2))
        self.due = now + delay
        self.state = "down"
        return delay
