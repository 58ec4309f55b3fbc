"""When a stream that says nothing is stale: in session, where REST twice knew more than the stream had told."""

from __future__ import annotations

import asyncio
from datetime import datetime


class Silence:
    """Measures silence in machine time, as connections do; what is missed has event time."""

    def __init__(self, longest: float, interval: float) -> None:
        self._longest = longest
        self._interval = interval
        self._heard = 0.0
        self._polled = float("-inf")
        self._missed_since: datetime | None = None
        self.stale_since: datetime | None = None

    def begin(self) -> None:
        """A stream is opened: it has as long as any other to say something."""
        self._heard = asyncio.get_running_loop().time()
        self._missed_since = None

    def heard(self) -> datetime | None:
        """The stream spoke. Returns since when it had been stale, where it was: the incident is over."""
        self._heard = asyncio.get_running_loop().time()
        since, self.stale_since, self._missed_since = self.stale_since, None, None
        return since

    async def lasts(self) -> None:
        """Returns when the stream has been silent for too long, and not more often than once in the interval."""
        loop = asyncio.get_running_loop()
        while True:
            rest = max(self._heard + self._longest, self._polled + self._interval) - loop.time()
            if rest <= 0:
                self._polled = loop.time()
                return
            await asyncio.sleep(rest)

    def missed(self, at: datetime) -> bool:
        """REST knew more, or did not answer. Returns whether that makes the stream stale now.

        Once may be a message that was on its way: it has until the next look to come.
        """
        if self._missed_since is None:
            self._missed_since = at
            return False
        if self.stale_since is not None:
            return False
        self.stale_since = self._missed_since
        return True
