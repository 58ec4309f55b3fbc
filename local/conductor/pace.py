"""How fast a tape moves: in lock-step, in real time, or N times faster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from functions.core.errors import BadInput

_TIMES = re.compile(r"([1-9][0-9]{0,5})x")


@dataclass(frozen=True, slots=True)
class Pace:
    """`speed` is market seconds per machine second; None moves in lock-step: when nothing is in flight."""

    speed: int | None = None

    @property
    def lockstep(self) -> bool:
        return self.speed is None

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads `lockstep`, `realtime` or `60x`. Raises BadInput BAD_PACE."""
        if text == "lockstep":
            return cls(None)
        if text == "realtime":
            return cls(1)
        match = _TIMES.fullmatch(text)
        if match is None:
            raise BadInput("BAD_PACE", f"expected lockstep, realtime or a number of times such as 60x, was {text!r}")
        return cls(int(match[1]))
