"""How long to wait before a stream is opened again."""

from __future__ import annotations

import random
from typing import Final

_FIRST: Final = 0.5
_LONGEST: Final = 30.0


class Backoff:
    """Waits that double from half a second to half a minute, each drawn so that many do not come back at once."""

    def __init__(self, draw: random.Random | None = None) -> None:
        self._draw = draw or random.Random()  # noqa: S311 - no secret
        self._failures = 0

    def reset(self) -> None:
        """The stream has worked: the next wait is a first one."""
        self._failures = 0

    def next(self) -> float:
        """Seconds."""
        highest = min(_LONGEST, _FIRST * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        return self._draw.uniform(highest / 2, highest)
