"""The simulator's clock: the tape's time, and stamps that never repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_STEP = timedelta(microseconds=1)


def instant(at: datetime) -> str:
    """A moment in UTC to the microsecond, with Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class TapeClock:
    """Tape time plus a microsecond for every stamp given since it last moved; UTC.

    Stamps rise strictly, so that "seen up to this stamp" means seen all of it. `now` is the latest of both.
    """

    def __init__(self, start: datetime) -> None:
        self._tape = start
        self._last = start

    def now(self) -> datetime:
        return max(self._tape, self._last)

    def move_to(self, at: datetime) -> None:
        """Moves tape time forward; a step back changes nothing."""
        self._tape = max(self._tape, at)

    def stamp(self) -> datetime:
        """A moment that no stamp had before."""
        self._last = max(self._last + _STEP, self._tape)
        return self._last
