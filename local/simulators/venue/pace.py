"""How the tape moves: when told to (lock-step), or by itself at real time or faster."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from functions.core.errors import BadInput
from local.simulators.venue.playback import Opens, Step
from local.simulators.venue.tape_player import TapePlayer

_FASTER = re.compile(r"(\d+(?:\.\d+)?)x", re.IGNORECASE)


def read_pace(text: str) -> float | None:
    """Tape seconds per second; None for lock-step. Raises BadInput BAD_PACE."""
    if text == "lockstep":
        return None
    if text == "realtime":
        return 1.0
    match = _FASTER.fullmatch(text)
    if match is None or not float(match[1]):
        raise BadInput("BAD_PACE", f"pace must be lockstep, realtime or a number and x, such as 60x, was {text!r}")
    return float(match[1])


class Pace:
    """Plays the tape on a timer where `speed` says so. The nights between sessions are skipped."""

    def __init__(self, player: TapePlayer, speed: float | None) -> None:
        self.speed = speed
        self._player = player
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to play, inside a running event loop; does nothing in lock-step."""
        if self.speed is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(self.speed))

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, speed: float) -> None:
        loop = asyncio.get_running_loop()
        anchor_wall, anchor_tape = loop.time(), self._player.now()
        while (step := self._player.next_step()) is not None:
            if _starts_session(step):
                anchor_wall, anchor_tape = loop.time(), step.beats[0].at
            for beat in step.beats:
                due = anchor_wall + (beat.at - anchor_tape) / timedelta(seconds=1) / speed
                # Also when late: others must get their turn between two beats.
                await asyncio.sleep(max(0.0, due - loop.time()))
                self._player.play(beat)


def _starts_session(step: Step) -> bool:
    return isinstance(step.beats[0], Opens)
